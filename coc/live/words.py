"""The few sentences of the server itself, for when no page can speak. Pages have their own catalogue."""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "id": {
        "loading": "Memuat …",
        "callback_failed": "Bagian ini gagal diperbarui; yang tampak adalah keadaan terakhir. Coba sekali lagi.",
        "page_failed": "Halaman ini gagal digambar",
        "page_failed_more": "Ini cacat pada program; rinciannya ada di log server. Halaman lain tetap berjalan.",
        "not_found": "Halaman tidak ditemukan",
        "not_found_more": "Alamat ini tidak ada, atau sudah pindah.",
        "not_yours": "Halaman ini bukan untuk peran Anda",
        "not_yours_more": "Peran akun Anda tidak mencakup halaman ini. Bila seharusnya boleh, hubungi admin.",
        "home": "Ke ikhtisar kota",
    },
    "en": {
        "loading": "Loading …",
        "callback_failed": "This part could not be updated; what you see is its last state. Try once more.",
        "page_failed": "This page could not be drawn",
        "page_failed_more": "A defect of the program; the server's log has it. The other pages go on.",
        "not_found": "Page not found",
        "not_found_more": "There is nothing at this address, or it has moved.",
        "not_yours": "This page is not for your role",
        "not_yours_more": "Your account's role does not cover it. If it should, ask an admin to change the role.",
        "home": "To the city's overview",
    },
}


def say(language: str, key: str) -> str:
    """The sentence in the language; an unknown language is Indonesian."""
    return _WORDS.get(language, _WORDS["id"])[key]
