# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The errors that a caller can meet.

TunerError                 something could not be done; the message says what, where, and what to do
├── InputError             what the user gave is unusable (exit code 2)
├── ToolError              a tool of IREE's failed where it should not have (exit code 1)
├── MeasurementError       the program under measurement died, hung or could not be loaded
│   └── WrongOutputError   it ran, and computes something else than what it is compared with
└── DeviceLostError        the device runs nothing any more, not even what it ran before (exit code 1)
"""


class TunerError(Exception):
    """Something could not be done. One sentence: what, where, what to do."""


class InputError(TunerError):
    """A file, a name or an option that the user gave is unusable."""


class ToolError(TunerError):
    """A compiler tool failed on input that it should have taken."""


class MeasurementError(TunerError):
    """The program under measurement died, hung or could not be loaded."""


class WrongOutputError(MeasurementError):
    """The program under measurement computes something else than what it is compared with."""


class DeviceLostError(TunerError):
    """The device runs nothing any more, not even what it ran before."""
