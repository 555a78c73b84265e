package ai.sparktron.notebooks;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/** A figure's HTML, parsed strictly: what is not closed or not escaped is an error here, where a browser would guess. */
final class Markup {

    private final Document document;

    private Markup(Document document) {
        this.document = document;
    }

    static Markup parse(String html) {
        try {
            byte[] bytes = ("<div>" + html + "</div>").getBytes(StandardCharsets.UTF_8);
            return new Markup(DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(bytes)));
        } catch (SAXException | ParserConfigurationException | IOException e) {
            throw new AssertionError("not well formed: " + e.getMessage() + "\n" + html, e);
        }
    }

    /** All elements of a name that are as wanted. */
    List<Element> elements(String name, Predicate<Element> wanted) {
        NodeList nodes = document.getElementsByTagName(name);
        List<Element> found = new ArrayList<>();
        for (int i = 0; i < nodes.getLength(); i++) {
            Element element = (Element) nodes.item(i);
            if (wanted.test(element)) {
                found.add(element);
            }
        }
        return found;
    }

    /** Text of all elements of a name that are as wanted, as one. */
    String text(String name, Predicate<Element> wanted) {
        StringBuilder text = new StringBuilder();
        elements(name, wanted).forEach(element -> text.append(element.getTextContent()));
        return text.toString();
    }

    /** Everything a reader sees. */
    String text() {
        return document.getDocumentElement().getTextContent();
    }
}
