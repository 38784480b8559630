// A service built on openid-client: does one thing per line of JSON that it reads, answers with a line of JSON.
import * as oidc from 'openid-client'
import { createInterface } from 'node:readline'

let config, dpop, asked
const extra = () => (dpop ? { DPoP: dpop } : undefined)

const works = {
  async discover({ issuer, client, key, bound, rfc8414 }) {
    const secret = await crypto.subtle.importKey('jwk', key, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
    config = await oidc.discovery(new URL(issuer), client, {}, oidc.PrivateKeyJwt({ key: secret, kid: key.kid }), {
      execute: [oidc.allowInsecureRequests],
      algorithm: rfc8414 ? 'oauth2' : 'oidc',
    })
    dpop = bound ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256')) : undefined
    return config.serverMetadata()
  },
  async begin({ pushed, ...params }) {
    const verifier = oidc.randomPKCECodeVerifier()
    asked = { verifier, state: oidc.randomState(), nonce: oidc.randomNonce(), maxAge: params.max_age }
    const all = {
      ...params,
      state: asked.state,
      nonce: asked.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }
    const build = pushed ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl
    return (await build(config, all, extra())).href
  },
  async finish({ url }) {
    const checks = {
      pkceCodeVerifier: asked.verifier,
      expectedState: asked.state,
      expectedNonce: asked.nonce,
      idTokenExpected: true,
      ...(asked.maxAge ? { maxAge: Number(asked.maxAge) } : {}),
    }
    const tokens = await oidc.authorizationCodeGrant(config, new URL(url), checks, undefined, extra())
    return { ...tokens, claims: tokens.claims() }
  },
  async refresh({ token }) {
    const tokens = await oidc.refreshTokenGrant(config, token, undefined, extra())
    return { ...tokens, claims: tokens.claims() }
  },
  userinfo: ({ token, subject }) => oidc.fetchUserInfo(config, token, subject, extra()),
  introspect: ({ token }) => oidc.tokenIntrospection(config, token),
  revoke: ({ token }) => oidc.tokenRevocation(config, token),
  leave: (params) => oidc.buildEndSessionUrl(config, params).href,
}

for await (const line of createInterface({ input: process.stdin })) {
  const { does, ...told } = JSON.parse(line)
  let answer
  try {
    answer = { gave: (await works[does](told)) ?? null }
  } catch (error) {
    answer = { failed: error.code ?? error.name, why: String(error.error ?? error.cause?.error ?? error.message) }
  }
  console.log(JSON.stringify(answer))
}
