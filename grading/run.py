"""Run a submission in sandboxes, and collect the values that it has for all checks."""

import time

from grading.sandbox import USUAL, Gone, Sandbox

START = "before its cells"
RESTARTS = 8
TIMES = 12  # the limit for a whole submission, in units of that for a cell


def collect(codes, student, asked, limits=USUAL, open_sandbox=Sandbox):
    """Run a submission and ask for values.

    What ended the kernel is left out, and the rest tried again in a new one: so a cell that never
    ends costs the marks of no other exercise.

    Parameters
    ----------
    codes : list of str
        Its cells.
    student : str
        The name from which individual numbers follow.
    asked : dict
        By exercise, the expressions of its checks: those that students see, and the hidden ones.
        All that students see are asked for first: so what is told about them, which a submission
        may make up, cannot be a hidden one.

    Returns
    -------
    dict
        Of what JSON can hold: the values as text, by exercise and expression; the places that
        ended a kernel, and why; the names of the errors that cells raised, by cell; the seconds
        that it took, and those of computing in kernels that came to their end.
    """
    start, computing = time.monotonic(), 0.0
    texts = {name: dict.fromkeys([*shown, *hidden]) for name, (shown, hidden) in asked.items()}
    left = [(name, parts[n]) for n in (0, 1) for name, parts in asked.items()]
    troubles, errors, left_out = [], {}, set()
    for _ in range(RESTARTS):
        if not left or time.monotonic() - start > TIMES * limits.seconds:
            break
        place = START
        try:
            with open_sandbox(limits) as kernel:
                kernel.deadline = start + TIMES * limits.seconds
                kernel.run(f"STUDENT = {student!r}")
                for n, code in enumerate(codes, 1):
                    place = f"cell {n}"
                    if code.strip() and place not in left_out:
                        if error := kernel.run(code):
                            errors[place] = error
                while left:
                    place, expressions = left[0]
                    texts[place] |= zip(expressions, kernel.ask(expressions), strict=True)
                    left.pop(0)
                computing += kernel.computing()
        except Gone as gone:
            if place == START and not troubles:
                raise
            troubles.append([place, str(gone)])
            if place == START:  # of a restart: there is no time left
                break
            left_out.add(place)
            left = [one for one in left if one[0] != place]
    troubles += [[name, "not reached"] for name in dict(left)]
    found = {"values": texts, "troubles": troubles, "errors": errors}
    return found | {"seconds": time.monotonic() - start, "computing": computing}
