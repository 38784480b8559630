"""A client of OpenID providers: discovery, keys, logging in, logging out. (OIDC Core, RFC 9700)"""
