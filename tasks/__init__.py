"""SeqIO tasks and mixtures of Text+Chem T5; importing this package registers them.

Names are `<corpus>_<task>`, such as `starter_text2mol`; the mixtures are `<corpus>` (all five
tasks at equal rates) and `<corpus>_<domain>`. Nothing is read or written until a dataset is asked
for.
"""

from tasks import mixtures, mol2mol, mol2text, text2mol, text2text

__all__ = ["mixtures", "mol2mol", "mol2text", "text2mol", "text2text"]
