package ai.sparktron.trainer.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;

/** The padding token of a tokenizer's files, by which transformers finds the last token of each of several answers that it scores together. */
final class PaddingToken {

    private PaddingToken() {
    }

    /** Its id; empty where the files name none. @param tokenizer directory with tokenizer_config.json and tokenizer.json; null = none */
    static OptionalInt of(Path tokenizer) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Path config = tokenizer == null ? null : tokenizer.resolve("tokenizer_config.json");
        Path model = tokenizer == null ? null : tokenizer.resolve("tokenizer.json");
        if (tokenizer == null || !Files.isRegularFile(config) || !Files.isRegularFile(model)) {
            return OptionalInt.empty();
        }
        JsonNode token = mapper.readTree(config.toFile()).path("pad_token");
        String text = token.isObject() ? token.path("content").asText() : token.asText("");
        for (JsonNode added : mapper.readTree(model.toFile()).path("added_tokens")) {
            if (!text.isEmpty() && added.path("content").asText().equals(text)) {
                return OptionalInt.of(added.path("id").asInt());
            }
        }
        return OptionalInt.empty();
    }
}
