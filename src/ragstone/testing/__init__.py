"""Fakes and conformance suites, shipped: a new adapter inherits its port's suite and overrides one fixture."""
