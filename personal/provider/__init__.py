"""The common login of a city: an OpenID provider for its services. (OpenID Connect Core)"""
