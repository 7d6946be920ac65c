# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The errors that a caller can receive.

TunerError                 something could not be done; the message says what, where, and what to do
├── InputError             the user's input is unusable (exit code 2)
├── ToolError              an IREE tool failed on valid input (exit code 1)
├── MeasurementError       the program under measurement died, hung or could not be loaded
│   └── WrongOutputError   it ran, but its outputs differ from those that it is compared with
└── DeviceLostError        the device runs no program any more, not even one that it ran before (exit code 1)
"""


class TunerError(Exception):
    """Something could not be done. One sentence: what, where, what to do."""


class InputError(TunerError):
    """A file, a name or an option that the user gave is unusable."""


class ToolError(TunerError):
    """An IREE tool failed on valid input."""


class MeasurementError(TunerError):
    """The program under measurement died, hung or could not be loaded."""


class WrongOutputError(MeasurementError):
    """The outputs of the program under measurement differ from those that it is compared with."""


class DeviceLostError(TunerError):
    """The device runs no program any more, not even one that it ran before."""
