"""How the guide's figures were measured and its words are meant, each said once; called by `document`."""

from collections.abc import Sequence

from viewfinder.measure.measures.registry import measures
from viewfinder.report.advice import Advice

_FIGURES = (
    "A **figure** is its value, then in brackets its 95 % interval (or, if there were too few server "
    "processes for an interval, their range); **n** is the number of its measurements. It is rounded so "
    "that two digits of the interval's half-width remain. GB and MB are 10^9 and 10^6 bytes. `viewfinder "
    "guide --format json` gives the exact numbers, and for each figure how it was measured.",
    "The bench starts its own fresh server processes and sends them requests over HTTP, as any client does.",
)
_RUN = (
    "**Intervals** are over fresh server processes, not over single requests: requests to one process are "
    "not independent.",
    "**Disturbed**: other programs used more than a fifth of the processors, or requests became slower "
    "and slower. Such a timed process is measured once more after the others. Which of the two counts "
    "never depends on how fast they were: the second counts, unless it was disturbed, too. Timings that "
    "stay disturbed carry a mark, do not decide between two equals, and are not compared with earlier "
    "runs.",
    "**The machine itself** is timed at the start and at the end of every run, by the same requests to "
    "glimpse on llama.cpp. A sure difference of more than 10 % between the two is a drift.",
    "The **status** follows from fixed rules. Failed: the measurement could not be finished. Broken: no "
    "gate was passed. Avoid: it mixes up images or answers, or its memory grows until it is full. "
    "Incomplete: a gate was not reached. Provisional: too few questions to decide whether a gate is "
    "passed. Verified: both gates were passed. Production ready: verified, and no leak in 60 requests, "
    "memory that does not grow with them, surely fewer than 5 % of the requests failed, no issue seen, "
    "and a server that Viewfinder watches.",
    "**Changes** are sure differences from an earlier run of the same variant (times and sizes over fresh "
    "server processes, answers question by question; all figures of a model tested together, Benjamini and "
    "Hochberg, 5 %) of 5 % or more; of answers, of 2 points or more. A time has changed only if it surely "
    "changed by more than the anchor's: the same work in every run, which tells the machine's own speed.",
)


def method(uses: Sequence[Advice]) -> list[str]:
    """Every sentence, those of the measures in their order; `**` encloses the words that are explained."""
    of_measures = (sentence for measure in measures().values() for sentence in measure.method)
    rules = "; ".join(f"{use.use.lower()}: {use.rule}" for use in uses)
    shared = (
        "**Recommendations**: a model is recommended only for uses whose gate it passed, on the computer "
        "of the newest result. Models that are not surely worse than the best one share its place. "
        f"{rules[0].upper()}{rules[1:]}."
    )
    return [*_FIGURES, *of_measures, *_RUN, shared]
