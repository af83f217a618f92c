"""Progressive Compressed Records: JPEG training sets whose fidelity is chosen when they are read.

Importing the package loads neither torch nor DALI.
"""

__version__ = "0.1.0"
