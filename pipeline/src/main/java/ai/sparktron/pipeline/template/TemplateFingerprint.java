package ai.sparktron.pipeline.template;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 over what decides a template's text and weights; shards keep it, so that data of another template is not mixed in unseen. */
final class TemplateFingerprint {

    private static final String FORMAT = "sparktron.template 1";

    private TemplateFingerprint() {
    }

    /**
     * @param dated whether the text depends on the day
     * @param data  what the template itself consists of
     * @return 64 hexadecimal digits
     */
    static String of(RenderOptions options, boolean dated, String... data) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
        update(digest, FORMAT);
        for (String part : data) {
            update(digest, part);
        }
        update(digest, String.valueOf(options.system()));
        update(digest, options.lossScale().toString());
        update(digest, options.enableThinking() + " " + options.addNonThinkingPrefix() + " " + options.splitSpecialTokens());
        update(digest, dated ? options.date().toString() : "");
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Each part with its length before it, so that moving text from one part to the next changes the sum. */
    private static void update(MessageDigest digest, String part) {
        byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
        digest.update(bytes);
    }
}
