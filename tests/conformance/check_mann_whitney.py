"""The Mann-Whitney U test against scipy.

    check_mann_whitney.py exact | permutation | asymptotic FOLDER

FOLDER/cases.json lists samples with the U and the two-sided p that were found for them.
"""
import json
import pathlib
import sys

import numpy as np
from scipy.stats import PermutationMethod, mannwhitneyu

verb, folder = sys.argv[1], pathlib.Path(sys.argv[2])
method = PermutationMethod(n_resamples=np.inf) if verb == "permutation" else verb
cases = json.loads((folder / "cases.json").read_text())
for case in cases:
    with np.errstate(all="ignore"):
        expected = mannwhitneyu(case["first"], case["second"], alternative="two-sided", method=method)
    assert abs(case["u"] - expected.statistic) < 1e-9, (case, expected)
    assert abs(case["p"] - expected.pvalue) < 1e-9, (case, expected)
print(f"{len(cases)} cases agree")
