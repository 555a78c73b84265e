package ai.sparktron.pipeline.tokenize;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
final class PieceStages {
    static WordSplitter of(List<JsonNode> steps, String where) {
        throw new IllegalArgumentException(where + ": pre_tokenizer " + steps + " is not supported");
    }
}
