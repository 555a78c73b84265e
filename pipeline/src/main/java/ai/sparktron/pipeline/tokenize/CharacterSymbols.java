package ai.sparktron.pipeline.tokenize;
final class CharacterSymbols {
    static BpeModel.FirstSymbols of(TokenizerJson json) {
        throw new IllegalArgumentException(json.where() + ": character-level vocabularies are not supported");
    }
}
