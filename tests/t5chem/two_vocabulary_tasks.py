"""A toy task whose input is held in two vocabularies of bytes, one shifted by more special ids."""

from t5chem.preprocessors import CHEMISTRY_INPUTS, ask_twice
from t5x.quiet import import_seqio
from tests.t5x.toy_tasks import ROWS, dataset, exact

seqio = import_seqio()


class Shifted(seqio.ByteVocabulary):
    """Bytes with ids of their own: 300 sentinels tell them from `seqio.ByteVocabulary()`."""

    def __init__(self) -> None:
        super().__init__(extra_ids=300)

    def _encode(self, s):
        return [id + 200 for id in super()._encode(s)]

    def _encode_tf(self, s):
        return super()._encode_tf(s) + 200


for _task in ("copy", "reverse"):
    seqio.TaskRegistry.add(
        f"toy_two_{_task}",
        source=seqio.FunctionDataSource(dataset(_task), splits=tuple(ROWS)),
        preprocessors=[
            ask_twice,
            seqio.preprocessors.tokenize,
            seqio.CacheDatasetPlaceholder(),
            seqio.preprocessors.append_eos_after_trim,
        ],
        output_features={
            "inputs": seqio.Feature(seqio.ByteVocabulary(), add_eos=True),
            CHEMISTRY_INPUTS: seqio.Feature(Shifted(), add_eos=True),
            "targets": seqio.Feature(seqio.ByteVocabulary(), add_eos=True),
        },
        metric_fns=[exact],
    )
seqio.MixtureRegistry.add("toy_two", ["toy_two_copy", "toy_two_reverse"], default_rate=1.0)
