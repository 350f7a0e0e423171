"""Files and folders that are written whole: afterwards there is the old one or the new.

So it is after a kill, a full disk or a refusal. A file (`files`) is written under a
temporary name beside its place (``.name.0123abcd.new``), brought to the disk, and moved
over the old one in one step of the system. A folder (`folders`) is built beside its
place (``.name.new``) and exchanged with the old one; where a system cannot exchange two
folders, the old one waits as ``.name.old``, and `recover` brings it back.

Whoever writes holds a lock on the temporary file or folder. The system frees it when
the writer ends, in whatever way: so the next writer of the same place can tell what a
killed one left from what another one is writing, and removes it.
"""

from trustlib.writing.files import write_text, write_together, write_whole
from trustlib.writing.folders import recover, replace_folder, write_folder, write_set
from trustlib.writing.refusals import HINT, first_refusal

__all__ = [
    "HINT", "first_refusal", "recover", "replace_folder", "write_folder", "write_set",
    "write_text", "write_together", "write_whole",
]  # fmt: skip
