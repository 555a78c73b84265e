package ai.sparktron.pipeline.tokenize;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Spellings of tokens to text. Immutable, shared by threads. */
interface TokenDecoder {
    String decode(List<String> tokens);

    /** Byte-level: spellings stand for bytes; one with a character outside the alphabet (an added token) stands for itself. */
    TokenDecoder BYTE_LEVEL = tokens -> {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(tokens.size() * 4);
        for (String token : tokens) {
            byte[] spelled = ByteAlphabet.bytesOf(token);
            bytes.writeBytes(spelled == null ? token.getBytes(StandardCharsets.UTF_8) : spelled);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    };
}
