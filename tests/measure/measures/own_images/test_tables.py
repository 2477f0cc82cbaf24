"""Tables of questions as people's spreadsheets and editors write them."""

from pathlib import Path

import pytest

from tests.measure.measures.own_images.folders import asked, fault_of, folder_with

TWO = [("a.png", "What, if any?", ("red",)), ("b.png", "How many?", ("2",))]
COMMAS = 'image,question,answer\na.png,"What, if any?",red\nb.png,How many?,2\n'
SEMICOLONS = "image;question;answer\na.png;What, if any?;red\nb.png;How many?;2\n"
TABS = SEMICOLONS.replace(";", "\t")


@pytest.mark.parametrize(
    "text",
    [
        COMMAS,
        SEMICOLONS,
        TABS,
        COMMAS.replace("\n", "\r\n"),
        COMMAS.replace("\n", "\r"),
        COMMAS.removesuffix("\n"),
        f"{COMMAS}\n\n,,\n  , ,\n",
        f"\n\n{COMMAS}",
        f"{SEMICOLONS};;;;;\n;;;;;\n",
        COMMAS.replace("\n", "\n\n"),
        f"sep=;\n{SEMICOLONS}",
        f'"sep=;"\r\n{SEMICOLONS}',
        f"sep=\t\n{TABS}",
        COMMAS.replace("image,question,answer", " Image , QUESTION,Answer "),
        COMMAS.replace("image,question,answer", '"Image" , "Question" , "Answer"'),
        COMMAS.replace("image,question,answer", "File Name,Prompt,Label"),
        COMMAS.replace("image,question,answer", "image_path,Question,Ground-Truth"),
        COMMAS.replace("image,question,answer", "Picture,question,expected answer"),
        SEMICOLONS.replace("\n", ";;\n"),
        'image,question,answer\na.png , "What, if any?" , red \nb.png,"How many?"  ,"2" \n',
        'id,answer,image,note,question\n1,red,a.png,,"What, if any?"\n2,2,b.png,a note,How many?\n',
        'image,question,answer,answer_type,image_id\na.png,"What, if any?",red,x,1\nb.png,How many?,2,y,2\n',
        'image,path,question,answer,label\na.png,/x,"What, if any?",red,easy\nb.png,/y,How many?,2,hard\n',
    ],
)
def test_a_table_is_read_however_it_was_saved(tmp_path: Path, text: str) -> None:
    assert asked(folder_with(tmp_path, text)) == TWO


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_that_spreadsheets_save(tmp_path: Path, encoding: str) -> None:
    text = "image\tquestion\tanswer\nü.png\tWas ist das?\tgrün\n"
    assert asked(folder_with(tmp_path, text.encode(encoding), "q.tsv")) == [
        ("ü.png", "Was ist das?", ("grün",))
    ]


def test_another_encoding_is_no_guess_but_an_error_with_its_line(tmp_path: Path) -> None:
    text = "image,question,answer\na.png,?,red\nb.png,?,grün\n"
    assert fault_of(folder_with(tmp_path, text.encode("cp1252"))) == "questions.csv: line 3: it is not UTF-8."


def test_a_quote_within_quotes_and_one_that_is_none(tmp_path: Path) -> None:
    text = 'image,question,answer\na.png,"Is it ""red"", or not?",yes\nb.png,Is it 5" wide?,no\n'
    assert [one[1] for one in asked(folder_with(tmp_path, text))] == [
        'Is it "red", or not?',
        'Is it 5" wide?',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('image,question,answer\na,?,x\nb,"What?,x\nc,?,x\n', "line 3: a quote is not closed"),
        ('image,question,answer\na,"What?,x\nb,"Who?,y\n', "line 2: a quote is not closed"),
        ("image,question,answer\na;What?;x\n", "line 2: no question"),
        (
            "image;question;answer\na;What?;x;y\n",
            "more cells than columns; put text with semicolons in quotes",
        ),
        (
            "image,question,answer,\na,What?,x,y\n",
            "a value in a column without a name; name the column, or put",
        ),
        (
            "a.png,What?,red\nb.png,Who?,x\n",
            "line 1: no column is named image or question or answer (it has a.png,",
        ),
        ("image,file,picture,question,answer\n", "there is no question in it"),
        (
            "file,picture,question,answer\n",
            "line 1: both 'file' and 'picture' name the image; keep one of them",
        ),
        ("image,question,label,gt\n", "both 'label' and 'gt' name the answer; keep one of them"),
        ("image,question,label,references\n", "it has both 'label' and 'references'; keep one of them"),
        (
            "image,question,answer,anwsers\n",
            "'anwsers' is not known; if it is meant to be 'answers', write that",
        ),
        ("imgae,question,answer\n", "'imgae' is not known; if it is meant to be 'image', write that"),
        ("image,Qestion,answer\n", "'Qestion' is not known; if it is meant to be 'question', write that"),
    ],
)
def test_a_fault_names_the_line_and_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    fault = fault_of(folder_with(tmp_path, text))
    assert fault.startswith("questions.csv: ")
    assert said in fault


def test_answers_is_taken_before_another_name_for_answer(tmp_path: Path) -> None:
    """A table of VQA has all of a question's answers, and a label of its own kind beside them."""
    text = "image,question,answers,label\na.png,What?,sofa|couch,furniture\n"
    assert asked(folder_with(tmp_path, text)) == [("a.png", "What?", ("sofa", "couch"))]


def test_one_question_for_all_pictures_of_a_table(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "file;label\na.png;cat\nb.png;dog\n")
    assert "no column is named question" in fault_of(folder)
    folder_with(folder, "\ufeffWhich animal is it?\r\n", "Question.txt")
    assert asked(folder) == [
        ("a.png", "Which animal is it?", ("cat",)),
        ("b.png", "Which animal is it?", ("dog",)),
    ]
    folder_with(folder, " \n", "Question.txt")
    assert fault_of(folder) == "Question.txt: it is empty."


def test_a_workbook_and_a_lock_file_of_a_spreadsheet(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b"PK", "My pictures.xlsx")
    assert fault_of(folder).endswith("My pictures.xlsx is a workbook, which is not read.")
    folder_with(folder, b"\0", "~$my.csv")
    assert asked(folder_with(folder, TABS, "My pictures.TSV")) == TWO


def test_a_folder_may_have_the_ending_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "old.csv").mkdir()
    assert asked(folder_with(tmp_path, COMMAS)) == TWO
