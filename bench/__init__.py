"""Measures the broker against R, the smallest honest aiohttp handler. (docs/performance.md)"""
