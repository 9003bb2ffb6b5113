"""When something was so: stretches of time, and what is common to two sets of them. Times are those of
time.monotonic(); a set of stretches is a sorted list of (begin, end) that do not touch."""

import math

FOREVER = math.inf


def during(changes, is_so, begin=-math.inf):
    """The stretches in which it was so, from (time, value) in order of time; each value holds until the next."""
    found, since = [], None
    for at, value in changes:
        so = is_so(value)
        if so and since is None:
            since = max(at, begin)
        elif not so and since is not None:
            if at > since:
                found.append((since, at))
            since = None
    return found + ([(since, FOREVER)] if since is not None else [])


def common(some, others):
    """What is in both."""
    found, i, j = [], 0, 0
    while i < len(some) and j < len(others):
        begin, end = max(some[i][0], others[j][0]), min(some[i][1], others[j][1])
        if begin < end:
            found.append((begin, end))
        if some[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return found


def complement(stretches):
    """What is in none of them."""
    found, begin = [], -math.inf
    for one in stretches:
        if one[0] > begin:
            found.append((begin, one[0]))
        begin = max(begin, one[1])
    return found + ([(begin, FOREVER)] if begin < FOREVER else [])


def later(stretches, seconds):
    """What is left of each when its first seconds are not counted."""
    return [(begin + seconds, end) for begin, end in stretches if begin + seconds < end]


def until(stretches, end):
    return [(begin, min(stop, end)) for begin, stop in stretches if begin < end]


def longest(stretches):
    return max((end - begin for begin, end in stretches), default=0.0)
