package ai.sparktron.pipeline.tokenize;

import java.util.Arrays;
import java.util.Map;

/**
 * Characters of two or three bytes that a byte-level BPE always joins before anything else can happen at their borders, so that merging may start
 * with the character's token instead of its bytes: a third of the symbols for Chinese or Japanese.
 *
 * <p>A character is one of them when merging its bytes alone gives one token, and every merge that would take a part of it together with a
 * neighbour, or the whole of it, has a higher rank than the last merge inside it. Until it is whole, the best pair of the word is then never one
 * that touches its border, so the order of merges elsewhere is the same. Neighbours that are ASCII are left out of this reckoning (vocabularies
 * have tokens of a space and half a character): beside those the bytes are taken.
 */
final class WholeCharacters {
    private static final int CODE_POINTS = 0x10000;

    private final MergeTable merges;
    private final int[] idOfByte;
    /** Per id: lowest rank of a merge where it is left of what begins a character, and where it is right of what is not ASCII. */
    private final int[] rankBeforeCharacter;
    private final int[] rankAfterCharacter;

    private WholeCharacters(TokenizerJson json, MergeTable merges, int[] idOfByte) {
        this.merges = merges;
        this.idOfByte = idOfByte;
        Map<String, Integer> ids = json.vocabulary();
        int size = 1 + ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1);
        rankBeforeCharacter = new int[size];
        rankAfterCharacter = new int[size];
        Arrays.fill(rankBeforeCharacter, MergeTable.NO_RANK);
        Arrays.fill(rankAfterCharacter, MergeTable.NO_RANK);
        for (int rank = 0; rank < json.merges().size(); rank++) {
            String[] pair = json.merges().get(rank);
            int left = ids.get(pair[0]);
            int right = ids.get(pair[1]);
            if (ByteAlphabet.byteOf(pair[1].charAt(0)) >= 0xC0) {
                rankBeforeCharacter[left] = Math.min(rank, rankBeforeCharacter[left]);
            }
            if (ByteAlphabet.byteOf(pair[0].charAt(pair[0].length() - 1)) >= 0x80) {
                rankAfterCharacter[right] = Math.min(rank, rankAfterCharacter[right]);
            }
        }
    }

    /** Per code point of the basic plane the token of such a character, or -1. */
    static int[] of(TokenizerJson json, MergeTable merges, int[] idOfByte) {
        WholeCharacters characters = new WholeCharacters(json, merges, idOfByte);
        int[] idOfCharacter = new int[CODE_POINTS];
        for (int codePoint = 0; codePoint < CODE_POINTS; codePoint++) {
            boolean isText = codePoint >= 0x80 && (codePoint < 0xD800 || codePoint > 0xDFFF);
            idOfCharacter[codePoint] = isText ? characters.idOf(codePoint) : -1;
        }
        return idOfCharacter;
    }

    private int idOf(int codePoint) {
        int[] bytes = Utf8.bytesOf(codePoint);
        int[] symbols = new int[bytes.length];
        int border = MergeTable.NO_RANK;
        for (int i = 0; i < bytes.length; i++) {
            symbols[i] = idOfByte[bytes[i]];
            if (symbols[i] < 0) {
                return -1;
            }
        }
        int inside = -1;
        int length = symbols.length;
        while (length > 1) {
            border = Math.min(border, Math.min(rankAfterCharacter[symbols[0]], rankBeforeCharacter[symbols[length - 1]]));
            int best = bestPair(symbols, length);
            int rank = merges.rankOf(symbols[best], symbols[best + 1]);
            if (rank == MergeTable.NO_RANK) {
                return -1;
            }
            inside = Math.max(inside, rank);
            symbols[best] = merges.mergedOf(rank);
            System.arraycopy(symbols, best + 2, symbols, best + 1, length - best - 2);
            length--;
        }
        border = Math.min(border, Math.min(rankAfterCharacter[symbols[0]], rankBeforeCharacter[symbols[0]]));
        return border > inside ? symbols[0] : -1;
    }

    private int bestPair(int[] symbols, int length) {
        boolean isSecond = length == 3 && merges.rankOf(symbols[1], symbols[2]) < merges.rankOf(symbols[0], symbols[1]);
        return isSecond ? 1 : 0;
    }
}
