package ai.sparktron.pipeline.tokenize;

import java.util.List;

/**
 * SentencePiece's U+2581 in place of a space, where it is a border that no merge crosses: vocabularies that do not split text into words then can be
 * merged word by word all the same, with the same ids, and words can be remembered.
 *
 * @param inner gives pieces that may hold many words
 */
record SpaceSign(PieceStages inner) implements WordSplitter {
    private static final char SIGN = '\u2581';

    /** The splitter, cut at signs where that changes nothing. */
    static WordSplitter over(PieceStages stages, TokenizerJson json) {
        return isBorder(json) ? new SpaceSign(stages) : stages;
    }

    /** Whether no merge joins what ends otherwise with what begins with a sign, and words have no marks of their own. */
    private static boolean isBorder(TokenizerJson json) {
        boolean hasAffixes = List.of("continuing_subword_prefix", "end_of_word_suffix").stream()
                .anyMatch(name -> !json.model().path(name).isNull() && !json.model().path(name).asText("").isEmpty());
        if (hasAffixes || json.model().path("ignore_merges").asBoolean(false) || !json.vocabulary().containsKey(String.valueOf(SIGN))) {
            return false;
        }
        for (String[] pair : json.merges()) {
            if (pair[1].charAt(0) == SIGN && pair[0].charAt(pair[0].length() - 1) != SIGN) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void split(byte[] text, int start, int end, boolean isTextStart, WordEncoder words) {
        for (PieceStages.Piece piece : inner.pieces(text, start, end, isTextStart)) {
            int from = piece.start();
            for (int at = from + 1; at < piece.end(); at++) {
                if (isSign(piece.text(), at, piece.end()) && !(at - 3 >= from && isSign(piece.text(), at - 3, piece.end()))) {
                    words.word(piece.text(), from, at);
                    from = at;
                }
            }
            words.word(piece.text(), from, piece.end());
        }
    }

    /** E2 96 81 at a character's start: its first byte begins no other place of a character. */
    private static boolean isSign(byte[] text, int at, int end) {
        return at + 2 < end && text[at] == (byte) 0xE2 && text[at + 1] == (byte) 0x96 && text[at + 2] == (byte) 0x81;
    }
}
