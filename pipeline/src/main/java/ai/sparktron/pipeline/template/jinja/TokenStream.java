package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import ai.sparktron.pipeline.template.jinja.Token.Type;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The parser's place in the tokens, and the names that macros around it have mentioned. */
final class TokenStream {

    private final List<Token> tokens;
    private final Deque<Set<String>> mentioned = new ArrayDeque<>();
    private int position;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(position);
    }

    Token look() {
        return tokens.get(Math.min(position + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = current();
        position = Math.min(position + 1, tokens.size() - 1);
        return token;
    }

    boolean skipOperator(String operator) {
        boolean found = current().isOperator(operator);
        position += found ? 1 : 0;
        return found;
    }

    boolean skipName(String name) {
        boolean found = current().isName(name);
        position += found ? 1 : 0;
        return found;
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw error("expected '" + operator + "' but got " + current().describe());
        }
    }

    String expectName() {
        return expect(Type.NAME, "a name").text();
    }

    Token expect(Type type, String what) {
        if (current().type() != type) {
            throw error("expected " + what + " but got " + current().describe());
        }
        return next();
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw error("expected '" + name + "' but got " + current().describe());
        }
    }

    JinjaException error(String message) {
        return new JinjaException(Kind.SYNTAX, message, current().line(), null);
    }

    JinjaException unsupported(String message) {
        return new JinjaException(Kind.UNSUPPORTED, message, current().line(), null);
    }

    /** Starts collecting the names that a macro's body mentions. */
    void openMacro() {
        mentioned.push(new HashSet<>());
    }

    Set<String> closeMacro() {
        return mentioned.pop();
    }

    void mention(String name) {
        mentioned.forEach(names -> names.add(name));
    }
}
