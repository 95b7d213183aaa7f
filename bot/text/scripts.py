"""The letters of scripts without spaces between words."""

from __future__ import annotations

# Thai to Tibetan, Burmese, Khmer, kana, Han. The keys stored in a history (near_duplicates.py) are computed with this:
# with another class, earlier posts in these scripts would not be found again.
UNSPACED = r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
