"""lmms-eval, its `openai` models, on tasks of our own: sums in words, and questions about images."""

import json
import tempfile
from pathlib import Path

from checking import IMAGE_FILE, KEY, MODEL, NO_MODEL, QUESTION, V1, check
from PIL import Image, ImageOps
from programs import run

FOLDER = Path(tempfile.mkdtemp())
SUMS = FOLDER / "sums.jsonl"
IMAGES = FOLDER / "images"


def write_lines(file, documents):
    file.write_text("".join(json.dumps(one) + "\n" for one in documents))


def write_task(name, max_tokens=16, **data):
    """A task of questions that have one exact answer each."""
    task = {
        "task": name,
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"max_new_tokens": max_tokens, "temperature": 0, "do_sample": False},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    (FOLDER / f"{name}.yaml").write_text(json.dumps({**task, **data}))


def write_tasks():
    """Sums, and one image drawn in three ways."""
    sums = ((3, 4), (2, 2), (5, 1))
    write_lines(SUMS, [{"question": f"What is {a} plus {b}?", "answer": f"{a + b}."} for a, b in sums])
    write_task("sums", dataset_path="json", dataset_kwargs={"data_files": {"test": str(SUMS)}})

    IMAGES.mkdir()
    image = Image.open(IMAGE_FILE)
    drawn = {"as-is.png": image, "mirrored.png": ImageOps.mirror(image), "flipped.png": ImageOps.flip(image)}
    for name, picture in drawn.items():
        picture.save(IMAGES / name)
    asked = {"question": QUESTION, "answer": "Red."}
    write_lines(IMAGES / "metadata.jsonl", [{"file_name": name, **asked} for name in drawn])
    data = {"dataset_path": "imagefolder", "dataset_kwargs": {"data_files": {"test": f"{IMAGES}/*"}}}
    write_task("images", **data, doc_to_visual="image")
    write_task("long", max_tokens=49152, **data, doc_to_visual="image")


def evaluate(task, model=MODEL, kind="openai"):
    """The share of exact answers, and all that was printed: a request that fails is a wrong answer."""
    options = f"model={model},base_url={V1},api_key={KEY},max_retries=1"
    out = Path(tempfile.mkdtemp())
    said = run(
        *("lmms-eval", "--model", kind, "--model_args", options),
        *("--include_path", FOLDER, "--tasks", task, "--output_path", out),
    )
    (file,) = out.rglob("*_results.json")
    return json.loads(file.read_text())["results"][task]["exact_match,none"], said


def scored(task, **options):
    score, said = evaluate(task, **options)
    assert score >= 0.6, f"exact match {score:.2f} {last_error(said)}"
    return f"exact match {score:.2f}"


def last_error(said):
    """What the log has of the last request that failed."""
    return said.rpartition("Last error: ")[2].split("\x1b")[0] if "Last error: " in said else ""


write_tasks()


@check("text")
def text():
    return scored("sums")


@check("image")
def image():
    return scored("images")


@check("error")
def error():
    score, said = evaluate("images", NO_MODEL)
    assert score == 0, score
    told = last_error(said)
    assert "404" in told, told
    assert NO_MODEL in told, told
    return told


@check("async_openai")
def by_the_other_class():
    return scored("images", kind="async_openai")


@check("long answers")
def long_answers():
    return scored("long")
