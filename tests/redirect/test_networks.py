"""Networks are read alike by the quick way and by the standard library's."""

from hypothesis import example, given
from hypothesis import strategies as st

from shortener.redirect.networks import Network, _unusual, parse_network

_ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=4).map("::ffff:{}".format),
    st.text("0123456789abcdef:.*%", max_size=20),
)
_BEHIND = st.one_of(st.just(""), st.integers(-1, 130).map("/{}".format), st.text("/0123456789. ٣", max_size=5))


def read(text: str, parse) -> Network | None:
    try:
        return parse(text)
    except ValueError:
        return None


@given(_ADDRESSES, _BEHIND)
@example("192.0.2.1", "/024")
@example("::ffff:192.0.2.1", "/96")
@example("fe80::1%eth0", "/64")
@example("192.0.2.0", "/255.255.255.0")
@example("192.0.2.*", "")
def test_a_network_is_read_as_the_standard_library_reads_it(address, behind):
    text = address + behind
    assert read(text, parse_network) == read(text, _unusual)
