package ai.sparktron.pipeline.tokenize.train;

import ai.sparktron.pipeline.tokenize.ByteAlphabet;
import ai.sparktron.pipeline.tokenize.Words;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Learns a byte-level BPE vocabulary: the 256 bytes, then one token per merge of the pair that is most frequent at that moment. Ties go to the
 * pair with the smaller ids, so the same text gives the same vocabulary. For vocabularies of a few thousand entries: each merge looks at all
 * pairs.
 */
public final class BpeTrainer {
    /** Ids 0..255 are the bytes in the order of their characters in {@link ByteAlphabet}. */
    private static final int BYTES = 256;

    private final Map<String, Long> countOfWord = new TreeMap<>();
    private final int maxDigits;

    /** What was learned: the spelling of every id in {@link ByteAlphabet}, and the merges as pairs of ids, best first. */
    public record Vocabulary(List<String> tokens, List<int[]> merges) { }

    /** @param maxDigits numbers per word: 1 as Qwen, 3 as Llama 3 */
    public BpeTrainer(int maxDigits) {
        this.maxDigits = maxDigits;
    }

    /** Counts the words of a text {@code times} times. */
    public void add(String text, long times) {
        byte[] bytes = Words.nfc(text).getBytes(StandardCharsets.UTF_8);
        int start = 0;
        while (start < bytes.length) {
            int end = Words.contractionWordEnd(bytes, start, bytes.length, maxDigits);
            countOfWord.merge(ByteAlphabet.spell(Arrays.copyOfRange(bytes, start, end)), times, Long::sum);
            start = end;
        }
    }

    /**
     * @param size tokens wanted, at least 256
     * @return fewer tokens than wanted when every pair that is left occurs only once
     */
    public Vocabulary train(int size) {
        if (size < BYTES) {
            throw new IllegalArgumentException("vocabulary size " + size + ": expected at least " + BYTES + ", one token per byte");
        }
        List<String> tokens = bytesAsTokens();
        List<int[]> merges = new ArrayList<>();
        Map<String, Integer> idOf = new HashMap<>();
        tokens.forEach(token -> idOf.put(token, idOf.size()));
        Corpus corpus = new Corpus(countOfWord, idOf);
        while (tokens.size() < size) {
            long pair = corpus.mostFrequentPair();
            if (pair < 0) {
                break;
            }
            int left = (int) (pair >>> 32);
            int right = (int) pair;
            merges.add(new int[] {left, right});
            String merged = tokens.get(left) + tokens.get(right);
            Integer known = idOf.putIfAbsent(merged, tokens.size());
            corpus.merge(left, right, known == null ? tokens.size() : known);
            if (known == null) {
                tokens.add(merged);
            }
        }
        return new Vocabulary(List.copyOf(tokens), List.copyOf(merges));
    }

    private static List<String> bytesAsTokens() {
        List<String> tokens = new ArrayList<>();
        for (int value = 0; value < BYTES; value++) {
            tokens.add(String.valueOf(ByteAlphabet.characterOf(value)));
        }
        tokens.sort(null);
        return tokens;
    }

    /** The distinct words as ids, with the count of every adjacent pair. */
    private static final class Corpus {
        private final List<int[]> words = new ArrayList<>();
        private final List<Long> counts = new ArrayList<>();
        private final Map<Long, long[]> countOfPair = new HashMap<>();
        private final Map<Long, List<Integer>> wordsOfPair = new HashMap<>();

        Corpus(Map<String, Long> countOfWord, Map<String, Integer> ids) {
            countOfWord.forEach((word, count) -> {
                words.add(word.chars().map(character -> ids.get(String.valueOf((char) character))).toArray());
                counts.add(count);
                countPairs(words.size() - 1, 1);
            });
        }

        private void countPairs(int word, int sign) {
            int[] ids = words.get(word);
            for (int i = 0; i + 1 < ids.length; i++) {
                long pair = (long) ids[i] << 32 | ids[i + 1];
                countOfPair.computeIfAbsent(pair, key -> new long[1])[0] += sign * counts.get(word);
                if (sign > 0) {
                    wordsOfPair.computeIfAbsent(pair, key -> new ArrayList<>()).add(word);
                }
            }
        }

        /** The pair (left id in the high half) or -1 when none occurs twice. */
        long mostFrequentPair() {
            long best = -1;
            long bestCount = 1;
            for (Map.Entry<Long, long[]> entry : countOfPair.entrySet()) {
                long count = entry.getValue()[0];
                if (count > bestCount || count == bestCount && best >= 0 && entry.getKey() < best) {
                    best = entry.getKey();
                    bestCount = count;
                }
            }
            return best;
        }

        void merge(int left, int right, int merged) {
            long pair = (long) left << 32 | right;
            for (int word : new TreeSet<>(wordsOfPair.remove(pair))) {
                countPairs(word, -1);
                words.set(word, replaced(words.get(word), left, right, merged));
                countPairs(word, 1);
            }
            countOfPair.remove(pair);
        }

        private static int[] replaced(int[] ids, int left, int right, int merged) {
            int[] result = new int[ids.length];
            int length = 0;
            for (int i = 0; i < ids.length; i++) {
                boolean isPair = ids[i] == left && i + 1 < ids.length && ids[i + 1] == right;
                result[length++] = isPair ? merged : ids[i];
                i += isPair ? 1 : 0;
            }
            return Arrays.copyOf(result, length);
        }
    }
}
