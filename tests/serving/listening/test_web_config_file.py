"""What the file of --web.config.file may hold. The first table is that of exporter-toolkit's own tests."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import ConfigError
from exporter.serving.webconfig.current import WebConfig, load

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
PAIR = "  cert_file: server.pem\n  key_file: server.key\n"

TOOLKIT = {
    "a key that is no key": ("hello: world\n", ["1: hello: unknown key; remove it, or use one of {top}"]),
    "no structure": ("junk\n", ["1: `key: value` lines are expected"]),
    "cert_file empty": (
        'tls_server_config:\n  cert_file: ""\n  key_file: server.key\n',
        ["2: tls_server_config.cert_file: the file name is invalid"],
    ),
    "cert empty": (
        'tls_server_config:\n  cert: ""\n  key_file: server.key\n',
        ["2: tls_server_config.cert: the value is empty"],
    ),
    "key_file empty": (
        'tls_server_config:\n  cert_file: server.pem\n  key_file: ""\n',
        ["3: tls_server_config.key_file: the file name is invalid"],
    ),
    "key empty": (
        'tls_server_config:\n  cert_file: server.pem\n  key: ""\n',
        ["3: tls_server_config.key: the value is empty"],
    ),
    "cert_file and key_file empty": (
        'tls_server_config:\n  cert_file: ""\n  key_file: ""\n',
        [
            "2: tls_server_config.cert_file: the file name is invalid",
            "3: tls_server_config.key_file: the file name is invalid",
        ],
    ),
    "cert_file missing": (
        "tls_server_config:\n  cert_file: somefile\n  key_file: server.key\n",
        ["2: tls_server_config.cert_file: cannot read the file: No such file or directory"],
    ),
    "key_file missing": (
        "tls_server_config:\n  cert_file: server.pem\n  key_file: somefile\n",
        ["3: tls_server_config.key_file: cannot read the file: No such file or directory"],
    ),
    "cert_file and key_file missing": (
        "tls_server_config:\n  cert_file: somefile\n  key_file: somefile\n",
        [
            "2: tls_server_config.cert_file: cannot read the file: No such file or directory",
            "3: tls_server_config.key_file: cannot read the file: No such file or directory",
        ],
    ),
    "client CA without a policy": (
        f"tls_server_config:\n{PAIR}  client_ca_file: ca.pem\n",
        [
            (
                "4: tls_server_config.client_ca_file: needs client_auth_type: RequireAndVerifyClientCert beside it: "
                "so far nobody is asked for a certificate"
            )
        ],
    ),
    "client CA missing": (
        f"tls_server_config:\n{PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: somefile\n",
        ["5: tls_server_config.client_ca_file: cannot read the file: No such file or directory"],
    ),
    "a password that is no hash": (
        "basic_auth_users:\n  dave: hunter2\n",
        ["2: basic_auth_users.dave: is not a bcrypt hash: make one with htpasswd -nBC 10 USER"],
    ),
    "an invented cipher": (
        f"tls_server_config:\n{PAIR}  cipher_suites:\n    - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n    - TLS_MADE_UP\n",
        ["6: tls_server_config.cipher_suites[1]: is none of {ciphers}"],
    ),
    "an invented curve": (
        f"tls_server_config:\n{PAIR}  curve_preferences: [CurveP257]\n",
        ["4: tls_server_config.curve_preferences[0]: is none of CurveP256, CurveP384, CurveP521, X25519"],
    ),
    "an invented version": (
        f"tls_server_config:\n{PAIR}  min_version: TLS111\n",
        ["4: tls_server_config.min_version: is none of TLS12, TLS13"],
    ),
    "an invented policy": (
        f"tls_server_config:\n{PAIR}  client_auth_type: Perhaps\n",
        [
            (
                "4: tls_server_config.client_auth_type: is none of NoClientCert, VerifyClientCertIfGiven, "
                "RequireAndVerifyClientCert"
            )
        ],
    ),
    "X-Content-Type-Options of another value": (
        "http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n",
        ["3: http_server_config.headers.X-Content-Type-Options: can only be nosniff"],
    ),
    "X-Frame-Options of another value": (
        "http_server_config:\n  headers:\n    X-Frame-Options: denied\n",
        ["3: http_server_config.headers.X-Frame-Options: can only be deny or sameorigin"],
    ),
    "a header of one's own": (
        "http_server_config:\n  headers:\n    Vary: all\n",
        [
            (
                "3: http_server_config.headers.Vary: is not a header that can be set: use one of Content-Security-Policy, "
                "X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security"
            )
        ],
    ),
    "names of clients, but none is asked who it is": (
        f"tls_server_config:\n{PAIR}  client_allowed_sans: [one]\n",
        [
            (
                "4: tls_server_config.client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert beside it: "
                "others let in clients without a certificate"
            )
        ],
    ),
}

OURS = {
    "everything wrong at once": (
        (
            "tls_server_confg: {}\n"
            "tls_server_config:\n  min_version: TLS13\n  max_version: TLS12\n"
            "http_server_config:\n  headers: {X-Frame-Options: DENY}\n"
            "basic_auth_users:\n  a:b: x\n  '': x\n  eve: 31415926\n"
        ),
        [
            "1: tls_server_confg: unknown key; did you mean tls_server_config?",
            "2: tls_server_config: needs cert_file: without it there is no TLS",
            "2: tls_server_config: needs key_file: without it there is no TLS",
            "4: tls_server_config.max_version: is older than min_version: nobody could connect",
            "6: http_server_config.headers.X-Frame-Options: can only be deny or sameorigin",
            '8: basic_auth_users["a:b"]: holds a colon, which ends the name in what clients send: choose another name',
            '8: basic_auth_users["a:b"]: is not a bcrypt hash: make one with htpasswd -nBC 10 USER',
            '9: basic_auth_users[""]: is empty: write the user\'s name',
            '9: basic_auth_users[""]: is not a bcrypt hash: make one with htpasswd -nBC 10 USER',
            "10: basic_auth_users.eve: YAML reads the value as a number; put it in quotes",
        ],
    ),
    "users without a value are not nobody": (
        "basic_auth_users:\n",
        ["1: basic_auth_users: the value is missing; write one, or remove the key"],
    ),
    "TLS without a value is not no TLS": (
        "tls_server_config:\n",
        ["1: tls_server_config: the value is missing; write one, or remove the key"],
    ),
    "an empty block is not no TLS": (
        "tls_server_config: {}\n",
        [
            "1: tls_server_config: needs cert_file: without it there is no TLS",
            "1: tls_server_config: needs key_file: without it there is no TLS",
        ],
    ),
    "a policy is not enough": (
        "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n",
        [
            "1: tls_server_config: needs cert_file: without it there is no TLS",
            "1: tls_server_config: needs key_file: without it there is no TLS",
            "2: tls_server_config.client_auth_type: needs client_ca_file beside it, to verify the certificates with",
        ],
    ),
    **{
        f"{policy} cannot be had": (
            f"tls_server_config:\n{PAIR}  client_ca_file: ca.pem\n  client_auth_type: {policy}\n",
            [
                (
                    "5: tls_server_config.client_auth_type: cannot be had: Python's ssl takes no certificate that it does "
                    "not verify; write RequireAndVerifyClientCert or VerifyClientCertIfGiven"
                )
            ],
        )
        for policy in ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
    },
    "names of clients that need not say who they are": (
        (
            f"tls_server_config:\n{PAIR}  client_ca_file: ca.pem\n  client_auth_type: VerifyClientCertIfGiven\n"
            "  client_allowed_sans: [one]\n"
        ),
        [
            (
                "6: tls_server_config.client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert beside it: "
                "others let in clients without a certificate"
            )
        ],
    ),
    "any authority's certificate": (
        f"tls_server_config:\n{PAIR}  client_auth_type: VerifyClientCertIfGiven\n",
        ["4: tls_server_config.client_auth_type: needs client_ca_file beside it, to verify the certificates with"],
    ),
    "old TLS": (
        f"tls_server_config:\n{PAIR}  min_version: TLS10\n",
        ["4: tls_server_config.min_version: is not supported, being broken: write TLS12 or TLS13"],
    ),
    "another's key": (
        "tls_server_config:\n  cert_file: server.pem\n  key_file: client.key\n",
        ["1: tls_server_config: needs a certificate and its key in PEM format, the key not encrypted"],
    ),
    "inline text that is no certificate": (
        "tls_server_config:\n  cert: hello\n  key: world\n",
        ["1: tls_server_config: needs a certificate and its key in PEM format, the key not encrypted"],
    ),
    "inline text that is no client CA": (
        f"tls_server_config:\n{PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca: hello\n",
        ["1: tls_server_config: needs client CA certificates in PEM format"],
    ),
    "the same in two places": (
        f"tls_server_config:\n{PAIR}  cert: x\n  key: x\n",
        [
            "4: tls_server_config.cert: stands beside cert_file: keep one of them",
            "5: tls_server_config.key: stands beside key_file: keep one of them",
        ],
    ),
    "an inline key that is a number": (
        "tls_server_config:\n  cert_file: server.pem\n  key: 31415926\n",
        ["3: tls_server_config.key: YAML reads the value as a number; put it in quotes"],
    ),
    "more curves than one": (
        f"tls_server_config:\n{PAIR}  curve_preferences: [X25519, CurveP256]\n",
        ["4: tls_server_config.curve_preferences: can only be one: Python's ssl takes no list; remove it to offer all"],
    ),
    "no cipher for TLS 1.2": (
        f"tls_server_config:\n{PAIR}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n",
        ["4: tls_server_config.cipher_suites: has none for TLS 1.2: add one, or set min_version: TLS13"],
    ),
    "HTTP/2": (
        "http_server_config: {http2: true}\n",
        ["1: http_server_config.http2: is not implemented: write false, or remove it; HTTP/1.1 is served either way"],
    ),
    "a rate limit": (
        "rate_limit: {interval: 1s, burst: 1}\n",
        ["1: rate_limit: is not implemented: remove it; a reverse proxy can limit requests"],
    ),
    "a header that begins another": (
        'http_server_config:\n  headers: {Content-Security-Policy: "x\\r\\nSet-Cookie: y"}\n',
        [
            (
                "2: http_server_config.headers.Content-Security-Policy: the value must not contain line breaks or other control "
                "characters"
            )
        ],
    ),
    "a hash nobody can wait for": (
        f"basic_auth_users:\n  dave: {HASH.replace('$10$', '$15$')}\n",
        [
            "2: basic_auth_users.dave: has a cost that is not from 4 to 14: make it anew with htpasswd -nBC 10",
        ],
    ),
    "a hash cut short": (
        f"basic_auth_users:\n  dave: {HASH[:-1]}\n",
        ["2: basic_auth_users.dave: is not a bcrypt hash: make one with htpasswd -nBC 10 USER"],
    ),
    "a salt bcrypt does not make": (
        f"basic_auth_users:\n  dave: {HASH[:28]}9{HASH[29:]}\n",
        ["2: basic_auth_users.dave: is not a bcrypt hash: make one with htpasswd -nBC 10 USER"],
    ),
}

NAMES = {
    "{top}": "tls_server_config, http_server_config, basic_auth_users, rate_limit",
    "{ciphers}": (
        "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, "
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    ),
}


@pytest.fixture
def read(directory: Path) -> Callable[[str], WebConfig]:
    """Loads a text as web.yaml, beside the certificates."""

    def load_text(text: str) -> WebConfig:
        path = directory / "web.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return load_text


@pytest.mark.parametrize("case", [*TOOLKIT, *OURS])
def test_errors(case: str, read: Callable[[str], WebConfig], directory: Path) -> None:
    """What cannot be meant, or not be had, is said with its place, all of it at once, and without a secret."""
    text, expected = {**TOOLKIT, **OURS}[case]
    for name, meaning in NAMES.items():
        expected = [message.replace(name, meaning) for message in expected]

    with pytest.raises(ConfigError) as caught:
        read(text)

    assert [f"{directory}/web.yaml:{message}" for message in expected] == caught.value.errors
    assert "hunter2" not in str(caught.value)
    assert "31415926" not in str(caught.value)


def test_a_file_that_is_missing(directory: Path) -> None:
    """A wrong path is told, and never taken for no configuration."""
    with pytest.raises(ConfigError) as caught:
        load(directory / "somefile")

    assert [f"{directory}/somefile: cannot read the file: No such file or directory"] == caught.value.errors


def test_a_pipe(directory: Path) -> None:
    """Nobody may ever write into it, and while it were waited for nothing else would happen."""
    os.mkfifo(directory / "web.yaml")

    with pytest.raises(ConfigError) as raised:
        load(directory / "web.yaml")
    assert [f"{directory}/web.yaml: cannot read the file: not a regular file"] == raised.value.errors


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n", "basic_auth_users: {}\n"])
def test_an_empty_file(read: Callable[[str], WebConfig], text: str) -> None:
    """Nothing asked for is nothing done, as with the toolkit."""
    config = read(text)

    assert (None, {}, {}) == (config.context, config.users, config.headers)


def test_values(read: Callable[[str], WebConfig], directory: Path) -> None:
    """The toolkit's examples load as they are: a 1 without quotes, dollars in hashes and headers."""
    config = read(
        "http_server_config:\n  http2: false\n  headers:\n    X-XSS-Protection: 1\n    X-Frame-Options: deny\n"
        "    Strict-Transport-Security: max-age=31536000; includeSubDomains\n"
        "    Content-Security-Policy: default-src ${HOME} $$\n"
        f"basic_auth_users:\n  alice: {HASH}\n  123: {HASH}\n  jürgen: {HASH.replace('$2y', '$2b')}\n"
    )

    assert config.headers == {
        "X-XSS-Protection": "1",
        "X-Frame-Options": "deny",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "Content-Security-Policy": "default-src ${HOME} $$",
    }
    assert [b"alice", b"123", "jürgen".encode()] == list(config.users)
    assert HASH not in repr(config)


def test_versions_of_tls(read: Callable[[str], WebConfig]) -> None:
    """TLS 1.2 and 1.3 unless the file says otherwise."""
    defaults = read(f"tls_server_config:\n{PAIR}").context
    chosen = read(f"tls_server_config:\n{PAIR}  min_version: TLS13\n  max_version: TLS13\n").context

    assert defaults
    assert chosen
    versions = [(context.minimum_version, context.maximum_version) for context in (defaults, chosen)]
    assert [
        (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
        (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3),
    ] == versions


def test_absolute_and_relative_paths(read: Callable[[str], WebConfig], directory: Path) -> None:
    """Names start from where the file is, wherever the program was started."""
    config = read(f"tls_server_config:\n  cert_file: {directory}/server.pem\n  key_file: ../web/server.key\n")

    assert config.context
    assert [directory / "server.pem", directory / "../web/server.key"] == list(config.files)
