"""Words of the simulated city: subjects, senders, instructions typed and spoken. All invented; no person has a name."""

from __future__ import annotations

from functools import cache
from typing import Final

from coc.domain import reference
from coc.domain.instructions import NEEDS_FOLLOW_UP, code_of

_MATTERS: Final = (
    "penataan parkir kawasan pasar", "perbaikan drainase lingkungan", "pelaksanaan posyandu balita",
    "penerangan jalan umum", "jadwal pengangkutan sampah", "bantuan sarana sekolah", "verifikasi data kependudukan",
    "peringatan hari jadi kota", "pemutakhiran data aset", "pelatihan aplikasi e-office",
    "pemasangan WiFi ruang publik",
    "penanganan genangan air", "operasi pasar murah", "pembinaan pelaku UMKM", "tertib administrasi kelurahan",
    "pemeliharaan taman kota", "kesiapsiagaan banjir Batanghari", "penerimaan peserta didik baru",
    "pengendalian inflasi daerah", "pelayanan terpadu kecamatan", "rekonsiliasi data penerima bantuan",
    "kegiatan gotong royong bulanan", "keamanan jaringan perangkat daerah", "pengelolaan arsip dinamis",
    "pelayanan administrasi kependudukan keliling", "perawatan jalan lingkungan", "pencegahan demam berdarah",
    "penataan pedagang kaki lima", "pengawasan izin usaha", "festival budaya Melayu Jambi",
)  # fmt: skip
_FORMS: Final[dict[str, tuple[str, ...]]] = {
    "undangan": ("Undangan rapat {}", "Undangan sosialisasi {}", "Undangan peninjauan {}"),
    "surat_edaran": ("Edaran tentang {}",),
    "surat_tugas": ("Surat tugas {}", "Penugasan pendampingan {}"),
    "keputusan": ("Keputusan tentang tim {}", "Penetapan kegiatan {}"),
    "pengumuman": ("Pengumuman {}",),
    "laporan": ("Laporan pelaksanaan {}", "Laporan bulanan {}"),
    "nota_dinas": ("Nota dinas perihal {}", "Permohonan arahan {}"),
    "telaahan_staf": ("Telaahan staf mengenai {}",),
    "berita_acara": ("Berita acara {}",),
    "": ("Permohonan {}", "Permintaan data {}", "Tindak lanjut {}", "Penyampaian rencana {}", "Koordinasi {}"),
}
_SENDERS: Final[dict[str, tuple[str, ...]]] = {
    "institution": (
        "Balai Pelestarian Tepian Batanghari", "Forum Komunikasi Sekolah Kota", "Yayasan Cahaya Angso Duo",
        "Universitas Tanah Pilih", "Badan Layanan Statistik Wilayah", "Majelis Adat Seberang", "Komite Sehat Kota",
        "Dinas Perhubungan Provinsi", "Biro Organisasi Provinsi", "Balai Jalan Wilayah II",
    ),
    "citizen": ("Warga kelurahan", "Ketua RT setempat", "Perwakilan warga", "Karang taruna", "Kelompok tani kota"),
    "company": (
        "PT Sungai Jernih Konstruksi", "CV Pinang Masak Media", "PT Angso Duo Sejahtera", "CV Gentala Karya",
        "PT Batanghari Data Nusantara", "Koperasi Tepian Ratu",
    ),
}  # fmt: skip

_CODE_WEIGHTS: Final = {
    "TINDAK_LANJUTI": 29, "LAKSANAKAN": 12, "TELAAH": 9, "KOORDINASIKAN": 9, "HADIRI": 8, "SIAPKAN_BAHAN": 7,
    "JAWAB": 6, "SELESAIKAN": 5, "WAKILI": 2.5, "JADWALKAN": 2, "EDARKAN": 2, "SETUJU": 2, "BICARAKAN_BERSAMA": 1.5,
    "BICARAKAN_SAYA": 1.2, "DAMPINGI": 1, "PERBAIKI": 1, "INGATKAN": 0.5, "TOLAK": 0.4,
    "UNTUK_DIKETAHUI": 9, "ARSIPKAN": 5, "UNTUK_PERHATIAN": 3,
}  # fmt: skip
_UNRECOGNISED: Final = ("Cek lapangan dulu, kabari hasilnya", "Harus beres minggu ini", "Lihat lagi berkasnya")
_TYPED: Final = ("{}", "Mohon {}", "Segera {}", "Agar {} sesuai aturan")
_SPOKEN: Final = ("tolong segera {} ya", "ya, {} saja", "tolong {} hari ini juga", "{} ya pak kadis, jangan lama lama",
                  "itu {} dulu")  # fmt: skip


@cache
def subjects(letter_type: str) -> tuple[str, ...]:
    return tuple(form.format(matter) for form in _FORMS.get(letter_type, _FORMS[""]) for matter in _MATTERS)


@cache
def senders(kind: str) -> tuple[str, ...]:
    if kind == "unit":
        return tuple(str(row["nama"]) for row in _units())
    return _SENDERS[kind]


def _units() -> list[dict[str, str]]:
    return [{"nama": name} for name in reference.units()["name"]]


@cache
def instructions(manner: str) -> dict[str, float]:
    """What a leader may say, with its weight; `manner` is code, typed or spoken."""
    if manner == "code":
        return dict(_CODE_WEIGHTS)
    frames = _TYPED if manner == "typed" else _SPOKEN
    table: dict[str, float] = {}
    for row in reference.instructions():
        said = [frame.format(words) for words in row["ucapan"] for frame in frames]
        for text in said:
            table[text] = table.get(text, 0.0) + _CODE_WEIGHTS[row["kode"]] / len(said)
    return table | dict.fromkeys(_UNRECOGNISED, 0.6)


@cache
def needs_follow_up(text: str) -> bool:
    """As whoever reads the feed will understand it: the city closes what its reader sees as open."""
    return NEEDS_FOLLOW_UP[code_of(text)]
