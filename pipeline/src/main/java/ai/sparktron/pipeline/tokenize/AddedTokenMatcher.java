package ai.sparktron.pipeline.tokenize;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/** Finds added tokens in UTF-8: leftmost, and of those that start there the longest. Immutable. */
final class AddedTokenMatcher {
    private static final int NONE = -1;

    private final boolean[] isFirst = new boolean[256];
    private final List<AddedToken> tokens;
    /** A trie over bytes as arrays: a node's byte, first child, next sibling, and the index of the token that ends there. */
    private byte[] value = new byte[64];
    private int[] child = new int[64];
    private int[] sibling = new int[64];
    private int[] token = new int[64];
    private int nodes = 1;

    /** One match: the token's id and the bytes it takes. */
    record Match(int id, int start, int end) { }

    /** @param spelling gives the text to look for from a token's content (its normalized form where that is what is searched) */
    AddedTokenMatcher(List<AddedToken> tokens, UnaryOperator<String> spelling) {
        this.tokens = List.copyOf(tokens);
        child[0] = NONE;
        token[0] = NONE;
        for (int i = 0; i < tokens.size(); i++) {
            byte[] bytes = spelling.apply(tokens.get(i).content()).getBytes(StandardCharsets.UTF_8);
            if (bytes.length > 0) {
                insert(bytes, i);
            }
        }
    }

    boolean isEmpty() {
        return nodes == 1;
    }

    /** The first match that starts at or after {@code from} and does not reach before {@code floor}, or null. */
    Match next(byte[] text, int floor, int from, int start, int end) {
        int at = from;
        while (at < end) {
            if (!isFirst[text[at] & 255]) {
                at++;
                continue;
            }
            int node = longest(text, at, end);
            if (node == NONE) {
                at++;
                continue;
            }
            AddedToken found = tokens.get(token[node]);
            int stop = at + lengthOf(text, at, node);
            if (!found.singleWord() || isSingleWord(text, start, at, stop, end)) {
                int left = found.lstrip() ? Math.max(floor, spacesStart(text, start, at)) : at;
                int right = found.rstrip() ? spacesEnd(text, stop, end) : stop;
                return new Match(found.id(), left, right);
            }
            at = stop;
        }
        return null;
    }

    private void insert(byte[] bytes, int index) {
        isFirst[bytes[0] & 255] = true;
        int node = 0;
        for (byte next : bytes) {
            int found = find(node, next);
            if (found == NONE) {
                found = newNode(next, child[node]);
                child[node] = found;
            }
            node = found;
        }
        token[node] = index;
    }

    private int newNode(byte next, int nextSibling) {
        if (nodes == value.length) {
            value = Arrays.copyOf(value, nodes * 2);
            child = Arrays.copyOf(child, nodes * 2);
            sibling = Arrays.copyOf(sibling, nodes * 2);
            token = Arrays.copyOf(token, nodes * 2);
        }
        value[nodes] = next;
        child[nodes] = NONE;
        sibling[nodes] = nextSibling;
        token[nodes] = NONE;
        return nodes++;
    }

    private int find(int node, byte next) {
        int candidate = child[node];
        while (candidate != NONE && value[candidate] != next) {
            candidate = sibling[candidate];
        }
        return candidate;
    }

    /** The deepest node with a token on the path of the text, or NONE. */
    private int longest(byte[] text, int from, int end) {
        int best = NONE;
        int node = 0;
        for (int at = from; at < end; at++) {
            node = find(node, text[at]);
            if (node == NONE) {
                break;
            }
            if (token[node] != NONE) {
                best = node;
            }
        }
        return best;
    }

    private int lengthOf(byte[] text, int from, int wanted) {
        int node = 0;
        int at = from;
        while (node != wanted) {
            node = find(node, text[at++]);
        }
        return at - from;
    }

    private static boolean isSingleWord(byte[] text, int start, int from, int stop, int end) {
        boolean touchesLeft = from > start && CodePoints.isWord(Utf8.codePointAt(text, Utf8.before(text, from)));
        boolean touchesRight = stop < end && CodePoints.isWord(Utf8.codePointAt(text, stop));
        return !touchesLeft && !touchesRight;
    }

    private static int spacesStart(byte[] text, int start, int at) {
        int left = at;
        while (left > start) {
            int before = Utf8.before(text, left);
            if ((UnicodeClasses.bitsAt(text, before) & UnicodeClasses.SPACE) == 0) {
                break;
            }
            left = before;
        }
        return left;
    }

    private static int spacesEnd(byte[] text, int at, int end) {
        int right = at;
        while (right < end && (UnicodeClasses.bitsAt(text, right) & UnicodeClasses.SPACE) != 0) {
            right += Utf8.lengthOf(text[right]);
        }
        return right;
    }
}
