"""A KafkaAdminClient that can ask every broker, not only one that happens to be at hand.

A topic that was created or changed a moment ago is known to some brokers before others. kafka-python asks any of them,
and an order that follows may go to one that has not heard of it yet. So it is with a broker that has just joined: one
names it as the controller, and the list that kafka-python took from another when it began does not have it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, NodeNotReadyError
from kafka.protocol.metadata import MetadataRequest

_LOOK_SECONDS: Final = 0.01
_CONTROLLER_MILLISECONDS: Final = 30_000


class AdminClient(KafkaAdminClient):
    """kafka-python's, with two questions to all brokers at a time. A broker that does not answer is left out.

    Brokers that joined since it began are asked too, and may be the controller.
    """

    def topics_by_broker(self, names: Sequence[str], seconds: float) -> dict[int, list[dict[str, Any]]]:
        """What each broker says of these topics, as `describe_topics` gives it.

        Args:
            names: full names.
            seconds: longest wait for an answer.

        Raises:
            KafkaError: none answers.
        """
        answers: dict[int, list[dict[str, Any]]] = self._manager.run(self._topics_by_broker, list(names), seconds)
        return answers

    def configs_by_broker(self, names: Sequence[str], seconds: float) -> dict[int, dict[str, dict[str, str]]]:
        """The effective configuration of these topics as each broker knows it; empty where we may not read it.

        Args:
            names: full names, 1 or more.
            seconds: longest wait for an answer.

        Raises:
            KafkaError: none answers.
        """
        answers: dict[int, dict[str, dict[str, str]]] = self._manager.run(self._configs_by_broker, list(names), seconds)
        return answers

    async def _topics_by_broker(self, names: list[str], seconds: float) -> dict[int, list[dict[str, Any]]]:
        first = await self._get_cluster_metadata(names)
        brokers = [broker["node_id"] for broker in first["brokers"]]
        if len(brokers) < 2:
            return dict.fromkeys(brokers or [-1], first["topics"])
        request = [MetadataRequest.MetadataRequestTopic(name=name) for name in names]

        def ask() -> Any:
            return MetadataRequest(
                topics=request,
                allow_auto_topic_creation=False,
                include_cluster_authorized_operations=True,
                include_topic_authorized_operations=True,
            )

        found = {}
        for broker, response in (await self._ask_all(brokers, ask, seconds)).items():
            found[broker] = response.to_dict()["topics"]
            for topic in found[broker]:
                self._process_acl_operations(topic)
        return found or {-1: first["topics"]}

    async def _configs_by_broker(self, names: list[str], seconds: float) -> dict[int, dict[str, dict[str, str]]]:
        brokers = [broker["node_id"] for broker in (await self._get_cluster_metadata([]))["brokers"]]
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, None) for name in names]
        answers = await self._ask_all(brokers, lambda: self._describe_configs_request(resources), seconds)
        if not answers:
            return {-1: _values(await self._async_describe_configs(resources, config_filter="all"))}
        return {
            broker: _values(self._describe_configs_process_responses([response], "all"))
            for broker, response in answers.items()
        }

    async def _refresh_controller_id(self, timeout_ms: int = _CONTROLLER_MILLISECONDS) -> Any:
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            controller = await super()._refresh_controller_id(timeout_ms)
            if await self._knows([controller]):
                return controller
            if time.monotonic() >= deadline:
                raise NodeNotReadyError("controller")
            await self._net.sleep(_LOOK_SECONDS)

    async def _knows(self, brokers: Sequence[int]) -> bool:
        """Whether these brokers can be asked; the list of brokers is read once more where one is not on it."""
        cluster = self._manager.cluster
        if any(cluster.broker_metadata(broker) is None for broker in brokers):
            await cluster.refresh_metadata()
        return all(cluster.broker_metadata(broker) for broker in brokers)

    async def _ask_all(self, brokers: Sequence[int], request: Any, seconds: float) -> dict[int, Any]:
        """The answers that have come in time."""
        await self._knows(brokers)
        asked = {}
        for broker in brokers:
            try:
                asked[broker] = self._manager.send(request(), node_id=broker)
            except KafkaError:  # not known yet, or known to refuse us
                continue
        deadline = time.monotonic() + seconds
        while not all(future.is_done for future in asked.values()) and time.monotonic() < deadline:
            await self._net.sleep(_LOOK_SECONDS)
        return {broker: future.value for broker, future in asked.items() if future.succeeded()}


def _values(described: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        name: {key: entry["value"] for key, entry in config.items()}
        for name, config in described.get("topic", {}).items()
    }
