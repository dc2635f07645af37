"""The page a browser gets instead of a page: what happened, and the way out. It needs no other file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

from coc.access import Refusal

_WORDS: Final[dict[str, dict[str | int, tuple[str, str]]]] = {
    "id": {
        "no-account": (
            "Belum ada yang bisa masuk",
            "Selama belum ada akun, dasbor hanya terbuka pada komputer yang menjalankannya, di `http://127.0.0.1` "
            "dengan portnya. Akun pertama dibuat di sana dengan `coc user add NAMA --role admin`; sesudah itu siapa "
            "pun yang punya akun bisa masuk dari mana saja. Untuk program: `coc token create NAMA --role admin`.",
        ),
        "lens": (
            "Halaman ini bukan untuk peran Anda",
            "Peran akun Anda tidak mencakup alamat ini. Bila seharusnya boleh, minta admin mengubah perannya.",
        ),
        "own": (
            "Hanya untuk yang masuk dengan akun",
            "Halaman ini milik sebuah akun, dan Anda belum masuk dengan akun. Buka `/masuk`.",
        ),
        0: ("Tidak diizinkan", "Yang diminta tidak berlaku di ranah ini. Buka alamat ini tanpa `?lens=`."),
        401: ("Token tidak berlaku", "Token yang dikirim tidak dikenal, sudah dicabut, atau kedaluwarsa."),
        404: ("Bukan di sini", "Server ini melayani satu ranah saja; ranah yang diminta bukan miliknya."),
        405: ("Tidak begitu caranya", "Alamat ini hanya untuk dibaca."),
        422: ("Permintaan tidak dikenal", "Periksa kembali alamat yang dibuka."),
        500: ("Ada yang gagal", "Ini cacat pada program; rinciannya ada di log server. Coba muat ulang sebentar lagi."),
    },
    "en": {
        "no-account": (
            "Nobody can sign in yet",
            "While no account exists, the dashboard opens only on the machine that serves it, at `http://127.0.0.1` "
            "with its port. The first account is made there with `coc user add NAME --role admin`; then whoever has an "
            "account signs in from anywhere. For a program: `coc token create NAME --role admin`.",
        ),
        "lens": (
            "This is not for your role",
            "Your account's role does not cover this address. If it should, ask an admin to change the role.",
        ),
        "own": (
            "Only for who has signed in with an account",
            "This page is an account's own, and you have not signed in with one. Open `/masuk`.",
        ),
        0: ("Not allowed", "What was asked for does not exist in this realm. Open this address without `?lens=`."),
        401: ("The token is no good", "The token that was sent is unknown, revoked or expired."),
        404: ("Not here", "This server serves one realm; the one that was asked for is not it."),
        405: ("Not like this", "This address can only be read."),
        422: ("Not understood", "Check the address that was opened."),
        500: ("It failed", "A defect of the program; the server's log has it. Load the page again in a moment."),
    },
}
_TYPED: Final = r"<code>\1</code>"
_STYLE: Final = (
    ":root{color-scheme:dark}*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;"
    "background:#0b1017;color:#e6ebf2;font:16px/1.6 system-ui,sans-serif}main{max-width:38rem;padding:2rem}"
    "p{margin:0 0 1rem;color:#aab4c2}h1{font-size:1.75rem;line-height:1.2;margin:.25rem 0 1rem;color:#fff}"
    ".city{letter-spacing:.08em;text-transform:uppercase;font-size:.8rem;color:#7d8898;margin:0}"
    "code{font:.9em ui-monospace,monospace;background:#1a2230;color:#dfe7f2;padding:.15em .4em;border-radius:4px;"
    "overflow-wrap:anywhere}.code{font-variant-numeric:tabular-nums;color:#7d8898;font-size:.85rem}"
)


def refusal_page(refusal: Refusal, city: str, language: str) -> bytes:
    """HTML of a refusal. An unknown language is Indonesian."""
    tongue = language if language in _WORDS else "id"
    words = _WORDS[tongue]
    key: str | int = refusal.code if refusal.code in words else 0 if refusal.status == 403 else refusal.status
    title, said = words.get(key, (refusal.title, refusal.said))
    return bare_page(tongue, city, title, (said,), str(refusal.status))


def bare_page(language: str, city: str, title: str, said: Iterable[str], code: str, script: str = "") -> bytes:
    """HTML that needs no other file: a title, paragraphs whose `marked` words are typed, a code, a script."""
    text = "".join(f"<p>{re.sub(r'`([^`]+)`', _TYPED, escape(p))}</p>" for p in said)
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f'<body data-refused="{escape(code)}"><main><p class="city">{escape(city)} · City Operation Center</p>'
        f'<h1>{escape(title)}</h1>{text}<p class="code">{escape(code)}</p></main>'
        f"{f'<script>{script}</script>' if script else ''}</body></html>"
    ).encode()
