# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Starts measuring on the other machine (`python measure.pyz`), or prints what is missing there.

Written for any Python 3: the other modules need 3.11.
"""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit("measure: needs Python 3.11 or newer, this is " + sys.version.split()[0])
    try:
        import iree.runtime  # noqa: F401
        import numpy  # noqa: F401
    except ImportError as error:
        sys.exit(f"measure: {error}; install what it needs: pip install iree-base-runtime numpy")
    from tuner.bundle.measuring import main

    sys.exit(main(sys.argv))
