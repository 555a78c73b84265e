package ai.sparktron.pipeline.tokenize;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Byte-pair encoding as Hugging Face's library does it: added tokens are cut out of the text, what is between them is normalized, added tokens
 * that ask for normalized text are cut out of that, the rest is split into words, and each word is merged on its own.
 */
final class BpeTokenizer implements Tokenizer {
    /** Texts above this size get a buffer of their own. */
    private static final int KEPT_BUFFER = 1 << 20;

    private final Vocabulary vocabulary;
    private final BpeModel model;
    private final TextNormalizer normalizer;
    private final WordSplitter splitter;
    private final TokenDecoder decoder;
    private final AddedTokenMatcher beforeNormalizing;
    private final AddedTokenMatcher afterNormalizing;
    private final String fingerprint;

    BpeTokenizer(Vocabulary vocabulary, BpeModel model, TextNormalizer normalizer, WordSplitter splitter, TokenDecoder decoder, String fingerprint) {
        this.vocabulary = vocabulary;
        this.model = model;
        this.normalizer = normalizer;
        this.splitter = splitter;
        this.decoder = decoder;
        this.fingerprint = fingerprint;
        List<AddedToken> asGiven = new ArrayList<>();
        List<AddedToken> asNormalized = new ArrayList<>();
        vocabulary.addedTokens().forEach(token -> (token.normalized() ? asNormalized : asGiven).add(token));
        beforeNormalizing = new AddedTokenMatcher(asGiven, content -> content);
        afterNormalizing = new AddedTokenMatcher(asNormalized, normalizer::normalize);
    }

    @Override
    public Encoder encoder() {
        return new ThreadEncoder();
    }

    @Override
    public String decode(int[] ids, boolean skipSpecialTokens) {
        List<String> tokens = new ArrayList<>(ids.length);
        for (int id : ids) {
            String token = vocabulary.tokenOf(id);
            if (token != null && !(skipSpecialTokens && vocabulary.isSpecial(id))) {
                tokens.add(token);
            }
        }
        return decoder.decode(tokens);
    }

    @Override
    public OptionalInt idOf(String token) {
        return vocabulary.idOf(token);
    }

    @Override
    public String tokenOf(int id) {
        return vocabulary.tokenOf(id);
    }

    @Override
    public int size() {
        return vocabulary.size();
    }

    @Override
    public List<AddedToken> addedTokens() {
        return vocabulary.addedTokens();
    }

    @Override
    public String fingerprint() {
        return fingerprint;
    }

    /** One thread's state: the text's bytes with padding, and the word encoder with its cache. */
    private final class ThreadEncoder implements Encoder {
        private final WordEncoder words = new WordEncoder(model);
        private byte[] buffer = new byte[1024];
        private long loneSurrogates;

        @Override
        public int[] encode(String text, boolean parseSpecialTokens) {
            byte[] bytes = utf8(text);
            byte[] padded = padded(bytes);
            if (!parseSpecialTokens) {
                normalizedGap(padded, 0, bytes.length, true, false);
            } else {
                cut(padded, bytes.length);
            }
            return words.take();
        }

        @Override
        public long loneSurrogates() {
            return loneSurrogates;
        }

        /** A half of a surrogate pair has no UTF-8 form; it becomes one U+FFFD. */
        private byte[] utf8(String text) {
            int lone = 0;
            for (int i = 0; i < text.length(); i++) {
                char unit = text.charAt(i);
                if (Character.isSurrogate(unit)) {
                    boolean isPair = Character.isHighSurrogate(unit) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1));
                    lone += isPair ? 0 : 1;
                    i += isPair ? 1 : 0;
                }
            }
            if (lone == 0) {
                return text.getBytes(StandardCharsets.UTF_8);
            }
            loneSurrogates += lone;
            int[] codePoints = text.codePoints().map(unit -> unit >= 0xD800 && unit <= 0xDFFF ? 0xFFFD : unit).toArray();
            return new String(codePoints, 0, codePoints.length).getBytes(StandardCharsets.UTF_8);
        }

        private byte[] padded(byte[] bytes) {
            int needed = bytes.length + WordCache.PADDING;
            if (needed > KEPT_BUFFER) {
                return Arrays.copyOf(bytes, needed);
            }
            if (buffer.length < needed) {
                buffer = new byte[Math.min(KEPT_BUFFER, needed * 2)];
            }
            System.arraycopy(bytes, 0, buffer, 0, bytes.length);
            return buffer;
        }

        private void cut(byte[] text, int end) {
            int done = 0;
            int from = 0;
            while (!beforeNormalizing.isEmpty()) {
                AddedTokenMatcher.Match match = beforeNormalizing.next(text, done, from, 0, end);
                if (match == null) {
                    break;
                }
                normalizedGap(text, done, match.start(), done == 0, true);
                words.id(match.id());
                done = match.end();
                from = match.end();
            }
            normalizedGap(text, done, end, done == 0, true);
        }

        private void normalizedGap(byte[] text, int start, int end, boolean isTextStart, boolean parseSpecialTokens) {
            if (start >= end) {
                return;
            }
            byte[] gap = text;
            int gapStart = start;
            int gapEnd = end;
            if (!normalizer.isNormalized(text, start, end)) {
                byte[] normalized = normalizer.normalize(text, start, end);
                gap = Arrays.copyOf(normalized, normalized.length + WordCache.PADDING);
                gapStart = 0;
                gapEnd = normalized.length;
            }
            int done = gapStart;
            while (parseSpecialTokens && !afterNormalizing.isEmpty()) {
                AddedTokenMatcher.Match match = afterNormalizing.next(gap, done, done, gapStart, gapEnd);
                if (match == null) {
                    break;
                }
                split(gap, done, match.start(), isTextStart && done == gapStart);
                words.id(match.id());
                done = match.end();
            }
            split(gap, done, gapEnd, isTextStart && done == gapStart);
        }

        private void split(byte[] text, int start, int end, boolean isTextStart) {
            if (start < end) {
                splitter.split(text, start, end, isTextStart, words);
            }
        }
    }
}
