"""The status of an answer that was given."""


async def test_an_answers_status_and_why(gateway) -> None:
    answers = gateway.fleet.answers
    answers.note("both", "chatcmpl-1")
    answers.note("both", "chatcmpl-2")
    answers.suspect("both", "stale")
    answers.note("both", "chatcmpl-3")
    seen = {}
    for one in ("chatcmpl-1", "chatcmpl-3"):
        async with gateway.http.get(f"{gateway.url}/v1/answers/{one}") as reply:
            assert reply.status == 200
            seen[one] = await reply.json()
    assert seen["chatcmpl-1"] == {
        "id": "chatcmpl-1",
        "object": "answer",
        "model": "both",
        "status": "suspect",
        "reason": "stale",
        "chosen": None,
    }
    assert (seen["chatcmpl-3"]["status"], seen["chatcmpl-3"]["reason"]) == ("unconfirmed", "")


async def test_an_answer_that_was_never_given(gateway) -> None:
    async with gateway.http.get(f"{gateway.url}/v1/answers/chatcmpl-9") as reply:
        assert reply.status == 404
        assert (await reply.json())["error"]["code"] == "answer_not_found"
