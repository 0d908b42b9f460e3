"""The tag of figures in the OpenAPI document."""

from shortener.http.openapi import Tag

TAG = Tag("figures", "Who followed a link, when, and from where.")
