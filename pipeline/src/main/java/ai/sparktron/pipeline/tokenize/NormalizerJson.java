package ai.sparktron.pipeline.tokenize;
import com.fasterxml.jackson.databind.JsonNode;
final class NormalizerJson {
    static TextNormalizer of(TokenizerJson json) {
        JsonNode n = json.parts().path("normalizer");
        if (n.isMissingNode() || n.path("type").asText().equals("Sequence") && n.path("normalizers").isEmpty()) return TextNormalizer.NONE;
        if (n.path("type").asText().equals("NFC")) return TextNormalizer.NFC;
        throw new IllegalArgumentException(json.where() + ": normalizer " + n + " is not supported");
    }
}
