# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What plug-ins must keep to, as pytest classes. Needs pytest.

Subclass a contract in a test module, and give the plug-in as a fixture:

    class TestAnnealing(StrategyContract):
        @pytest.fixture
        def strategy(self) -> type[Strategy]:
            return AnnealingStrategy
"""

from tuner.testing.contracts.formats import FormatContract
from tuner.testing.contracts.kinds import KindContract
from tuner.testing.contracts.spaces import SpaceContract
from tuner.testing.contracts.strategies import StrategyContract
from tuner.testing.contracts.targets import TargetContract

__all__ = ["FormatContract", "KindContract", "SpaceContract", "StrategyContract", "TargetContract"]
