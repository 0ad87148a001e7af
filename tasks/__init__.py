"""SeqIO tasks and mixtures of Text+Chem T5; importing this package registers them.

Names are `<corpus>_<task>`, such as `starter_text2mol`; the mixtures are `<corpus>` (all of its
tasks at equal rates), `<corpus>_<domain>`, and the paper's `standard` and `augm`. With augmented
copies of every example `_augm` follows: `chebi20_text2mol_augm`. These speak the vocabulary
`chem`; for another its name follows a dot: `starter_text2mol.t5`, `starter.byte`; those in `.atoms`
are of reactions, without a prompt. Pre-training by span corruption is `<corpus>_denoise`,
`<corpus>_denoise_text` and `<corpus>_denoise_smiles`. Nothing is read or written until a dataset or
an id is asked for.

The corpora are the starter corpus, the public datasets (`t5chem data list`), and those that a
`datasets.yaml` names.
"""

from tasks import denoising, mixtures, mol2mol, mol2text, text2mol, text2text
from tasks.factory import variant
from tasks.mixtures import mix, mixture_rates

__all__ = [
    "denoising",
    "mix",
    "mixture_rates",
    "mixtures",
    "mol2mol",
    "mol2text",
    "text2mol",
    "text2text",
    "variant",
]
