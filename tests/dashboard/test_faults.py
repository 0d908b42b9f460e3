"""Messages of the API in German."""

import pytest

from shortener.dashboard.faults import said_fault
from shortener.dashboard.preferences import UTC_ZONE
from shortener.dashboard.wording import Wordings, speak
from tests.conftest import create_link

GERMAN = {"Accept-Language": "de"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": ""}, "Die URL fehlt."),
        ({"url": "no url"}, "Ihr Host ist weder Name noch Adresse"),
        ({"url": "javascript:alert(1)"}, "Die URL beginnt mit javascript;"),
        ({"url": "https://a:b@example.com/"}, "Die URL enthält Zugangsdaten"),
        ({"url": "https://sho.rt/x"}, "Die URL führt hierher zurück."),
        ({"url": "https://example.com/" + "a" * 8200}, "Die URL ist länger als 8192 Zeichen."),
        ({"code": "x"}, "Ein Code hat 3 bis 64 Buchstaben"),
        ({"code": "login"}, "„login“ ist reserviert."),
        ({"code": "taken"}, "Dieser Code ist vergeben."),
        ({"title": "x" * 301}, "Höchstens 300 Zeichen."),
        ({"expires_at": "2020-01-01T00:00"}, "Der Zeitpunkt ist vorbei."),
        ({"max_clicks": "0"}, "Mindestens 1."),
        ({"max_clicks": "many"}, "Das ist keine ganze Zahl."),
        ({"tags": "a/b"}, "Ein Tag hat kein „/“"),
        ({"tags": ",".join(map(str, range(30)))}, "Höchstens 20, nicht 30."),
    ],
)
async def test_whatever_a_form_can_get_wrong_is_said_in_the_readers_language(page, fields, said):
    await create_link(page, code="taken")
    answer = await page.post("/-/new", data={"url": "https://example.com/", "is_whole": "1"} | fields, headers=GERMAN)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_message_that_nobody_knows_stays():
    speak(Wordings().choose("de", "", UTC_ZONE))
    assert said_fault("something new") == "something new"
