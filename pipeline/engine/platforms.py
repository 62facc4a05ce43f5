"""What the configuration says of the mentions of a platform that do not say it themselves."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pipeline.config.model import PlatformSection
from schemas.mention import Mention


def completed(mention: Mention, platforms: Mapping[str, PlatformSection]) -> Mention:
    """The mention with the channel of its platform where it has none, and the reach that a post there has at least."""
    platform = platforms.get(mention.platform)
    if platform is None:
        return mention
    return msgspec.structs.replace(
        mention,
        channel=mention.channel or platform.channel,
        reach=max(mention.reach or 0, platform.default_reach) if platform.default_reach else mention.reach,
    )
