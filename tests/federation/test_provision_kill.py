"""A broker killed while a source is asked has answered nobody; the same request completes the change. (decision 15)"""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.federation.provision import ID, shelter
from tests.notify.receiver import receiving
from tests.notify.test_kill import process


@pytest.mark.kill
async def test_a_killed_broker_lacks_what_it_promised_nobody(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session, receiving(hold=asyncio.Event()) as source:
        registration = {
            "type": "ContextSourceRegistration",
            "endpoint": source.url,
            "information": [{"entities": [{"type": "Shelter"}], "propertyNames": ["beds"]}],
            "operations": ["redirectionOps"],
            "mode": "redirect",
        }
        body = shelter(name="A", beds=3)
        async with process(tmp_path, session) as url:
            async with session.post(f"{url}/csourceRegistrations", json=registration) as reply:
                assert reply.status == 201
            asking = asyncio.create_task(session.post(f"{url}/entities", json=body))
            (told,) = await source.wait()
            assert "name" not in told.json
        with pytest.raises(aiohttp.ClientError):
            await asking
        assert source.hold is not None
        source.hold.set()
        source.answer = 409
        async with process(tmp_path, session) as url:
            here = f"{url}/entities/{ID}?local=true"
            async with session.get(here) as reply:
                assert reply.status == 404
            async with session.post(f"{url}/entities", json=body) as reply:
                assert reply.status == 207
                assert [one["error"]["status"] for one in (await reply.json())["errors"]] == [409]
            async with session.get(here) as reply:
                assert (await reply.json())["name"]["value"] == "A"
