"""Search: words in any language, found in the texts of calls and spans.

`fold` turns a text into its words, the same way for what is indexed and what is
asked. `Words` is a question ("退款", "order 3312", `refund*`). The `Indexer` fills
`records/search.db` beside the recorder; `Search` asks it.
"""

from volano.traces.search.fold import fold
from volano.traces.search.indexer import Indexer
from volano.traces.search.search import Search
from volano.traces.search.words import Words, words_of

__all__ = ["Indexer", "Search", "Words", "fold", "words_of"]
