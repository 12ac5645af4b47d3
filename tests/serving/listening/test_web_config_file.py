"""The content of the --web.config.file. The first table is that of exporter-toolkit's tests."""

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
    "key_file empty": (
        'tls_server_config:\n  cert_file: server.pem\n  key_file: ""\n',
        ["3: tls_server_config.key_file: the file name is invalid"],
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
        ["2: tls_server_config.cert_file: cannot read the file: No such file or directory (in FOLDER)"],
    ),
    "key_file missing": (
        "tls_server_config:\n  cert_file: server.pem\n  key_file: somefile\n",
        ["3: tls_server_config.key_file: cannot read the file: No such file or directory (in FOLDER)"],
    ),
    "cert_file and key_file missing": (
        "tls_server_config:\n  cert_file: somefile\n  key_file: somefile\n",
        [
            "2: tls_server_config.cert_file: cannot read the file: No such file or directory (in FOLDER)",
            "3: tls_server_config.key_file: cannot read the file: No such file or directory (in FOLDER)",
        ],
    ),
    "client CA without a policy": (
        f"tls_server_config:\n{PAIR}  client_ca_file: ca.pem\n",
        [
            (
                "4: tls_server_config.client_ca_file: client_ca_file needs client_auth_type: "
                "RequireAndVerifyClientCert; other types let in clients without a certificate"
            )
        ],
    ),
    "client CA missing": (
        f"tls_server_config:\n{PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: somefile\n",
        ["5: tls_server_config.client_ca_file: cannot read the file: No such file or directory (in FOLDER)"],
    ),
    "a password that is no hash": (
        "basic_auth_users:\n  dave: hunter2\n",
        ["2: basic_auth_users.dave: the value is not a bcrypt hash; make one with htpasswd -nBC 10 USER"],
    ),
    "an invented version": (
        f"tls_server_config:\n{PAIR}  min_version: TLS111\n",
        ["4: tls_server_config.min_version: the value must be one of TLS12, TLS13"],
    ),
    "an invented policy": (
        f"tls_server_config:\n{PAIR}  client_auth_type: Perhaps\n",
        [
            (
                "4: tls_server_config.client_auth_type: the value must be one of NoClientCert, VerifyClientCertIfGiven, "
                "RequireAndVerifyClientCert"
            )
        ],
    ),
    "X-Content-Type-Options of another value": (
        "http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n",
        ["3: http_server_config.headers.X-Content-Type-Options: the value must be nosniff"],
    ),
    "X-Frame-Options of another value": (
        "http_server_config:\n  headers:\n    X-Frame-Options: denied\n",
        ["3: http_server_config.headers.X-Frame-Options: the value must be deny or sameorigin"],
    ),
    "a header of one's own": (
        "http_server_config:\n  headers:\n    Vary: all\n",
        [
            (
                "3: http_server_config.headers.Vary: this header cannot be set; use one of Content-Security-Policy, "
                "X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security"
            )
        ],
    ),
    "names of clients, but none is asked who it is": (
        f"tls_server_config:\n{PAIR}  client_allowed_sans: [one]\n",
        [
            (
                "4: tls_server_config.client_allowed_sans: client_allowed_sans needs client_auth_type: "
                "RequireAndVerifyClientCert; other types let in clients without a certificate"
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
            "2: tls_server_config: cert_file is missing; TLS needs it",
            "2: tls_server_config: key_file is missing; TLS needs it",
            "4: tls_server_config.max_version: max_version is older than min_version; no client could connect",
            "6: http_server_config.headers.X-Frame-Options: the value must be deny or sameorigin",
            '8: basic_auth_users["a:b"]: the user name contains a colon, which ends the name in basic authentication; choose another',
            '8: basic_auth_users["a:b"]: the value is not a bcrypt hash; make one with htpasswd -nBC 10 USER',
            '9: basic_auth_users[""]: the user name is empty',
            '9: basic_auth_users[""]: the value is not a bcrypt hash; make one with htpasswd -nBC 10 USER',
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
            "1: tls_server_config: cert_file is missing; TLS needs it",
            "1: tls_server_config: key_file is missing; TLS needs it",
        ],
    ),
    "a policy is not enough": (
        "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n",
        [
            "1: tls_server_config: cert_file is missing; TLS needs it",
            "1: tls_server_config: key_file is missing; TLS needs it",
            "2: tls_server_config.client_auth_type: client_ca_file is missing; it verifies the clients' certificates",
        ],
    ),
    **{
        f"{policy} cannot be had": (
            f"tls_server_config:\n{PAIR}  client_ca_file: ca.pem\n  client_auth_type: {policy}\n",
            [
                (
                    "5: tls_server_config.client_auth_type: Python's ssl accepts no certificate without "
                    "verifying it; write RequireAndVerifyClientCert or VerifyClientCertIfGiven"
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
                "6: tls_server_config.client_allowed_sans: client_allowed_sans needs client_auth_type: "
                "RequireAndVerifyClientCert; other types let in clients without a certificate"
            )
        ],
    ),
    "any authority's certificate": (
        f"tls_server_config:\n{PAIR}  client_auth_type: VerifyClientCertIfGiven\n",
        ["4: tls_server_config.client_auth_type: client_ca_file is missing; it verifies the clients' certificates"],
    ),
    "old TLS": (
        f"tls_server_config:\n{PAIR}  min_version: TLS10\n",
        ["4: tls_server_config.min_version: this version is insecure and not supported; write TLS12 or TLS13"],
    ),
    "another's key": (
        "tls_server_config:\n  cert_file: server.pem\n  key_file: client.key\n",
        [
            "1: tls_server_config: cert_file and key_file must hold a certificate and its key in PEM format, the key not encrypted"
        ],
    ),
    "keys of the toolkit that are not implemented": (
        f"tls_server_config:\n{PAIR}  cert: x\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\nrate_limit: {{interval: 1s}}\n",
        [
            "4: tls_server_config.cert: unknown key; did you mean cert_file?",
            "5: tls_server_config.cipher_suites: unknown key; remove it, or use one of {tls}",
            "6: rate_limit: unknown key; remove it, or use one of {top}",
        ],
    ),
    "no client CA": (
        f"tls_server_config:\n{PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.key\n",
        ["5: tls_server_config.client_ca_file: the file has no certificates in PEM format"],
    ),
    "HTTP/2": (
        "http_server_config: {http2: true}\n",
        ["1: http_server_config.http2: HTTP/2 is not implemented; write false, or remove the key"],
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
            "2: basic_auth_users.dave: the cost of the hash must be 4 to 14; make one with htpasswd -nBC 10 USER",
        ],
    ),
    "a hash cut short": (
        f"basic_auth_users:\n  dave: {HASH[:-1]}\n",
        ["2: basic_auth_users.dave: the value is not a bcrypt hash; make one with htpasswd -nBC 10 USER"],
    ),
    "a salt bcrypt does not make": (
        f"basic_auth_users:\n  dave: {HASH[:28]}9{HASH[29:]}\n",
        ["2: basic_auth_users.dave: the value is not a bcrypt hash; make one with htpasswd -nBC 10 USER"],
    ),
}

NAMES = {
    "{top}": "tls_server_config, http_server_config, basic_auth_users",
    "{tls}": "cert_file, key_file, client_auth_type, client_ca_file, client_allowed_sans, min_version, max_version",
}


@pytest.fixture
def read(directory: Path) -> Callable[[str], WebConfig]:
    """Loads a text as web.yaml, next to the certificates."""

    def load_text(text: str) -> WebConfig:
        path = directory / "web.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return load_text


@pytest.mark.parametrize("case", [*TOOLKIT, *OURS])
def test_errors(case: str, read: Callable[[str], WebConfig], directory: Path) -> None:
    """All errors are reported together, with their places and without secrets."""
    text, expected = {**TOOLKIT, **OURS}[case]
    for name, meaning in {**NAMES, "FOLDER": str(directory)}.items():
        expected = [message.replace(name, meaning) for message in expected]

    with pytest.raises(ConfigError) as caught:
        read(text)

    assert [f"{directory}/web.yaml:{message}" for message in expected] == caught.value.errors
    assert "hunter2" not in str(caught.value)
    assert "31415926" not in str(caught.value)


def test_a_file_that_is_missing(directory: Path) -> None:
    """A wrong path is an error, not an empty configuration."""
    with pytest.raises(ConfigError) as caught:
        load(directory / "somefile")

    assert [f"{directory}/somefile: cannot read the file: No such file or directory"] == caught.value.errors


def test_a_pipe(directory: Path) -> None:
    """A pipe is an error, since reading it could block the exporter."""
    os.mkfifo(directory / "web.yaml")

    with pytest.raises(ConfigError) as raised:
        load(directory / "web.yaml")
    assert [f"{directory}/web.yaml: cannot read the file: not a regular file"] == raised.value.errors


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n", "basic_auth_users: {}\n"])
def test_an_empty_file(read: Callable[[str], WebConfig], text: str) -> None:
    """An empty file changes nothing, as in the toolkit."""
    config = read(text)

    assert (None, {}, {}) == (config.context, config.users, config.headers)


def test_values(read: Callable[[str], WebConfig], directory: Path) -> None:
    """The toolkit's examples load unchanged: a 1 without quotes, dollars in hashes and headers."""
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
    """The default is TLS 1.2 and 1.3."""
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
    """Names are relative to the file, not to the working directory."""
    config = read(f"tls_server_config:\n  cert_file: {directory}/server.pem\n  key_file: ../web/server.key\n")

    assert config.context
    assert [directory / "server.pem", directory / "../web/server.key"] == list(config.files)
