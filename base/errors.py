"""The error tree: every refusal is a Problem, and one place turns it into RFC 7807 JSON or a page.

Problem
├── InvalidRequest 400        ├── ResourceNotFound 404     ├── TooComplexQuery 403
├── BadRequestData 400        ├── NonexistentTenant 404    ├── TooManyResults 403
├── AlreadyExists 409         ├── Conflict 409             ├── LdContextNotAvailable 504
├── OperationNotSupported 422 ├── NoMultiTenantSupport 501 ├── InternalError 500
├── NotPermitted 403          ├── ServiceUnavailable 503   ├── Transport: 405 406 411 413 414 415
    Of other servers: BadGateway 502, GatewayTimeout 504, LoopDetected 508
"""

from collections.abc import Mapping
from typing import Any, ClassVar

NGSI_LD_ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
ENGAWA_ERRORS = "urn:engawa:errors:"


class Problem(Exception):
    """A request that is refused: what is wrong and what to do about it. (5.5.2, RFC 7807)"""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    namespace: ClassVar[str] = NGSI_LD_ERRORS
    bodyless: ClassVar[bool] = False

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    @property
    def type(self) -> str:
        """Name the error type as a URI."""
        return self.namespace + type(self).__name__

    def body(self) -> dict[str, Any]:
        """Give the problem details of RFC 7807."""
        return {
            "type": self.type,
            "title": self.title,
            "detail": self.detail,
            "status": self.status,
            **self.more,
        }


class InvalidRequest(Problem):
    """The request is syntactically or semantically wrong. (5.5.2)"""

    status = 400
    title = "Invalid request"


class BadRequestData(Problem):
    """The request carries data that the specification does not allow. (5.5.2)"""

    status = 400
    title = "Bad request data"


class AlreadyExists(Problem):
    """The element to create exists. (5.5.2)"""

    status = 409
    title = "Already exists"


class Conflict(Problem):
    """The request contradicts a registration or the present state. (5.5.2)"""

    status = 409
    title = "Conflict"


class OperationNotSupported(Problem):
    """The operation is not offered for this element. (5.5.2)"""

    status = 422
    title = "Operation not supported"


class ResourceNotFound(Problem):
    """The element asked for is not there. (5.5.2)"""

    status = 404
    title = "Resource not found"


class NonexistentTenant(Problem):
    """The tenant named is not there. (5.5.10)"""

    status = 404
    title = "Nonexistent tenant"


class NoMultiTenantSupport(Problem):
    """Tenants are switched off here. (5.5.10)"""

    status = 501
    title = "No multi-tenant support"


class TooComplexQuery(Problem):
    """The query costs more than this broker allows. (5.5.2)"""

    status = 403
    title = "Too complex query"


class TooManyResults(Problem):
    """The query would give more results than this broker allows. (5.5.6)"""

    status = 403
    title = "Too many results"


class LdContextNotAvailable(Problem):
    """A remote @context could not be fetched. (5.5.2)"""

    status = 504
    title = "LD context not available"


class InternalError(Problem):
    """Something failed that is not the caller's fault. (5.5.2)"""


class Unauthorized(Problem):
    """The request needs a credential, or the one it carries proves nothing here."""

    status = 401
    title = "Unauthorized"
    namespace = ENGAWA_ERRORS


class TooManyRequests(Problem):
    """The caller sends more requests than this server takes from one caller."""

    status = 429
    title = "Too many requests"
    namespace = ENGAWA_ERRORS


class NotPermitted(Problem):
    """The caller may not do this."""

    status = 403
    title = "Not permitted"
    namespace = ENGAWA_ERRORS


class ServiceUnavailable(Problem):
    """The server cannot serve now; trying again later may help."""

    status = 503
    title = "Service unavailable"
    namespace = ENGAWA_ERRORS


class BadGateway(Problem):
    """Another server this one relies on gave no usable answer. (6.3.17)"""

    status = 502
    title = "Bad gateway"
    namespace = ENGAWA_ERRORS


class GatewayTimeout(Problem):
    """Another server this one relies on gave no answer in time. (6.3.17)"""

    status = 504
    title = "Gateway timeout"
    namespace = ENGAWA_ERRORS


class LoopDetected(Problem):
    """The request came through the server it would have to go to. (6.3.17)"""

    status = 508
    title = "Loop detected"
    namespace = ENGAWA_ERRORS


class MethodNotAllowed(Problem):
    """The resource has no such method. (6.3.2)"""

    status = 405
    title = "Method not allowed"
    namespace = ENGAWA_ERRORS


class NotAcceptable(Problem):
    """None of the media types asked for can be produced. (6.3.4)"""

    status = 406
    title = "Not acceptable"


class LengthRequired(Problem):
    """The body has no length. (6.3.4)"""

    status = 411
    title = "Length required"
    bodyless = True


class PayloadTooLarge(Problem):
    """The body is longer than this server takes."""

    status = 413
    title = "Payload too large"
    namespace = ENGAWA_ERRORS


class UriTooLong(Problem):
    """The URL is longer than this server takes."""

    status = 414
    title = "URI too long"
    namespace = ENGAWA_ERRORS


class UnsupportedMediaType(Problem):
    """The body is of a kind this operation does not read. (6.3.4)"""

    status = 415
    title = "Unsupported media type"
    bodyless = True
