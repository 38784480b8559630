"""The common login of one municipality as services see it: its addresses, its keys, its description. (共通認証)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from base.clock import SECOND
from personal.operations.call import Module
from personal.operations.town import Town
from personal.rules import authorization
from personal.rules.assertion import ALGORITHMS
from personal.vault.signing import ALGORITHM, Signer

KEY: Final = "id-token"
"""The named key that signs ID tokens and logout tokens, and nothing else."""
PUBLISHED: Final = 24 * 3_600 * SECOND
"""How long a former key stays published: far longer than an ID token is good."""
ID_TOKEN_SECONDS: Final = 300
PREFIX: Final = "/oidc"
SCOPES: Final = (authorization.OPENID, authorization.OFFLINE)


@dataclass(frozen=True, slots=True)
class City:
    """A municipality as an OpenID provider."""

    module: Module
    town: Town

    @property
    def issuer(self) -> str:
        """Name the issuer."""
        return f"{self.module.address()}{PREFIX}/{self.town.id}"

    def url(self, endpoint: str) -> str:
        """Give the URL of an endpoint."""
        return f"{self.issuer}/{endpoint}"

    def path(self, endpoint: str) -> str:
        """Give the path of an endpoint, for going on within the pages."""
        return f"{PREFIX}/{self.town.id}/{endpoint}"

    async def signed(self, claims: Mapping[str, Any], kind: str = "JWT") -> str:
        """Sign claims under the newest key."""
        return Signer(await self.town.keys.named(KEY)).sign({"iss": self.issuer, **claims}, kind)

    async def keys(self, now: int) -> dict[str, Any]:
        """Give the public keys: the newest, and former ones as long as something signed by them may be in use."""
        await self.town.keys.named(KEY)
        keys, until = [], now + 1
        for secret, made in self.town.keys.history(KEY):
            if until + PUBLISHED > now:
                keys.append(Signer(secret).public())
            until = made
        return {"keys": keys}

    def hint(self, token: str, service: str | None) -> dict[str, Any]:
        """Read an ID token that comes back as a hint, however old; OAuth2Error if it is none of ours."""
        keys = [Signer(secret).public() for secret, _ in self.town.keys.history(KEY)]
        try:
            found = jwt.decode(token, KeySet.import_key_set({"keys": keys}), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise OAuth2Error("id_token_hint is none of ours", error="invalid_request") from None
        claims = found.claims
        ours = found.header.get("typ") == "JWT" and claims.get("iss") == self.issuer
        if not ours or service not in (None, claims.get("aud")):
            raise OAuth2Error("id_token_hint is none of ours", error="invalid_request")
        return dict(claims)

    def metadata(self) -> dict[str, Any]:
        """Describe the provider. (OpenID Connect Discovery 3, RFC 8414 2)"""
        methods = ["private_key_jwt"]
        algorithms = list(ALGORITHMS)
        told = OpenIDProviderMetadata(
            issuer=self.issuer,
            authorization_endpoint=self.url("authorize"),
            token_endpoint=self.url("token"),
            jwks_uri=self.url("keys"),
            userinfo_endpoint=self.url("userinfo"),
            pushed_authorization_request_endpoint=self.url("par"),
            require_pushed_authorization_requests=self.module.settings.common_login_pushed,
            introspection_endpoint=self.url("introspect"),
            revocation_endpoint=self.url("revoke"),
            end_session_endpoint=self.url("logout"),
            response_types_supported=["code"],
            response_modes_supported=["query"],
            grant_types_supported=["authorization_code", "refresh_token"],
            subject_types_supported=["pairwise"],
            id_token_signing_alg_values_supported=[ALGORITHM],
            scopes_supported=list(SCOPES),
            claims_supported=[
                "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "verified_identity",
            ],
            claim_types_supported=["normal"],
            acr_values_supported=list(authorization.LEVELS.values()),
            code_challenge_methods_supported=["S256"],
            token_endpoint_auth_methods_supported=methods,
            token_endpoint_auth_signing_alg_values_supported=algorithms,
            introspection_endpoint_auth_methods_supported=methods,
            introspection_endpoint_auth_signing_alg_values_supported=algorithms,
            revocation_endpoint_auth_methods_supported=methods,
            revocation_endpoint_auth_signing_alg_values_supported=algorithms,
            dpop_signing_alg_values_supported=algorithms,
            authorization_details_types_supported=[authorization.DETAIL],
            authorization_response_iss_parameter_supported=True,
            backchannel_logout_supported=True,
            backchannel_logout_session_supported=True,
            claims_parameter_supported=False,
            request_parameter_supported=False,
            request_uri_parameter_supported=False,
            prompt_values_supported=sorted(authorization.PROMPTS),
        )  # fmt: skip
        return dict(told)
