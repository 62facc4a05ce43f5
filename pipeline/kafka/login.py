"""A kafka-python client for which a refused login is final: the first attempt fails with the broker's reason.

A broker answers a wrong password and closes the connection at once. kafka-python 3.0 drops an answer that arrives
together with the close, sees only a lost connection and tries again, so that the reason is lost and the account may be
locked.
"""

from __future__ import annotations

from typing import Any

from kafka.errors import (
    AuthorizationError,
    IllegalSaslStateError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

_REFUSALS = (
    AuthorizationError,
    IllegalSaslStateError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)


class _Connections(KafkaConnectionManager):
    _refusal: Exception | None = None

    async def _build_transport(self, *arguments: Any, **options: Any) -> Any:
        transport = await super()._build_transport(*arguments, **options)
        receive = transport._sock_recv  # noqa: SLF001 - the last words before the end are dropped only there

        def receive_last_words() -> tuple[bytes, Exception | None]:
            data, error = receive()
            return data, None if data else error  # the error comes again with the next read

        transport._sock_recv = receive_last_words  # noqa: SLF001 - see above
        return transport

    def get_connection(self, node_id: Any, *arguments: Any, **options: Any) -> Any:
        if self._refusal is not None:
            raise self._refusal
        known = self._conns.get(node_id)
        connection = super().get_connection(node_id, *arguments, **options)
        if connection is not known:
            log_in = connection._sasl_authenticate  # noqa: SLF001 - by the time the connection reports it, it is lost

            async def log_in_once(*arguments: Any, **options: Any) -> None:
                try:
                    await log_in(*arguments, **options)
                except _REFUSALS as error:
                    self._refusal = error
                    raise

            connection._sasl_authenticate = log_in_once  # noqa: SLF001 - see above
        return connection


def login_once_client(**configs: Any) -> Any:
    """The `kafka_client` option of kafka-python's clients: raises the first refused login."""
    net = NetworkSelector(**configs)
    return KafkaNetClient(net, _Connections(net, **configs), **configs)
