"""SeqIO tasks and mixtures of Text+Chem T5; importing this package registers them.

Names are `<corpus>_<task>`, such as `starter_text2mol`; the mixtures are `<corpus>` (all five
tasks at equal rates) and `<corpus>_<domain>`. These speak the vocabulary `chem`; for another its
name follows a dot: `starter_text2mol.t5`, `starter.byte`. Nothing is read or written until a
dataset or an id is asked for.
"""

from tasks import mixtures, mol2mol, mol2text, text2mol, text2text

__all__ = ["mixtures", "mol2mol", "mol2text", "text2mol", "text2text"]
