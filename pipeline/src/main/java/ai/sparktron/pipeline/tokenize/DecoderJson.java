package ai.sparktron.pipeline.tokenize;
final class DecoderJson {
    static TokenDecoder of(TokenizerJson json) {
        if (json.parts().path("decoder").path("type").asText().equals("ByteLevel")) return TokenDecoder.BYTE_LEVEL;
        throw new IllegalArgumentException(json.where() + ": decoder " + json.parts().path("decoder") + " is not supported");
    }
}
