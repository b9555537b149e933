"""What `make mutate` found: how many faults the tests noticed, and which not, and why not."""

import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

WANTED = 0.95  # of the faults in each module
# Faults that no test can notice, since they change no result: each fault, then the reason.
LINES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
REASONS = dict(zip(LINES[::2], LINES[1::2], strict=True))


def mutmut(*arguments):
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def fault(mutant):
    """Return a mutant of mutmut as `module.function: the line that it makes`."""
    name = re.sub(r"^dlutils\.(\w+)\.x[_ǁ](.*)__mutmut_\d+$", r"\1.\2", mutant)
    made = re.findall(r"^\+(?!\+\+) *(.*)$", mutmut("show", mutant), re.MULTILINE)
    return f"{name.replace('ǁ', '.')}: {' '.join(made)}"


def main():
    results, missed = defaultdict(Counter), {}
    for line in mutmut("results", "--all", "True").splitlines():
        mutant, status = line.strip().split(": ")
        noticed = status in ("killed", "timeout")
        results[mutant.split(".")[1]][noticed] += 1
        if not noticed:
            missed[fault(mutant)] = status

    for line, status in sorted(missed.items()):
        print(f"{line}\n{REASONS.get(line, f'    {status}, and no reason is given')}")
    print("\nmodule       faults  noticed  missed  score")
    scores = {module: count[True] / count.total() for module, count in results.items()}
    for module, count in results.items():
        print(
            f"{module:11} {count.total():7} {count[True]:8} {count[False]:7} {scores[module]:6.1%}"
        )
    if min(scores.values()) < WANTED or missed.keys() - REASONS:
        sys.exit(
            f"Wanted: {WANTED:.0%} in each module, and in tests/mutants.txt why a fault is missed"
        )


if __name__ == "__main__":  # not when pytest looks for examples here
    main()
