#include "filters/notice_text.h"

#include <array>

namespace halfdoor {

namespace {

constexpr std::array<NoticeText, 6> kTexts{{
    {"en",
     {{"You can look, but not change anything right now",
       "For the moment you can see everything here, but nothing new can be saved.",
       "What you just sent was not saved. Your browser can take you back to it: please try again later."},
      {"Closed for a short while", "For the moment nothing can be shown or saved here.",
       "Nothing you sent was saved. Please come back a little later."},
      {"We cannot answer right now", "None of our systems could be reached.", "Please try again in a few minutes."},
      {"We cannot answer right now", "None of our systems could be reached.",
       "What you just sent did not get through: nothing was saved. Please try again in a few minutes."},
      {"We do not know whether this was saved", "The connection broke while our system was working on it.",
       "We do not know whether this was saved. Look first."}},
     "Since",
     "Expected until",
     "If you ask us about it, please mention this number:",
     "News and contact",
     "You may leave this page open: it will tell you when it works again.",
     "It works again: go back and send your form once more.",
     "It works again: reload this page."},
    {"de",
     {{"Ansehen geht, ändern gerade nicht",
       "Im Moment können Sie hier alles ansehen, aber es kann nichts Neues gespeichert werden.",
       "Was Sie gerade abgeschickt haben, wurde nicht gespeichert. Über „Zurück“ im Browser kommen Sie wieder dorthin: "
       "bitte versuchen Sie es später noch einmal."},
      {"Für kurze Zeit geschlossen", "Im Moment kann hier nichts angezeigt oder gespeichert werden.",
       "Was Sie abgeschickt haben, wurde nicht gespeichert. Bitte kommen Sie etwas später wieder."},
      {"Wir können gerade nicht antworten", "Keines unserer Systeme war zu erreichen.",
       "Bitte versuchen Sie es in ein paar Minuten noch einmal."},
      {"Wir können gerade nicht antworten", "Keines unserer Systeme war zu erreichen.",
       "Was Sie gerade abgeschickt haben, kam nicht durch: es wurde nichts gespeichert. Bitte versuchen Sie es in ein "
       "paar Minuten noch einmal."},
      {"Wir wissen nicht, ob das gespeichert wurde", "Die Verbindung brach ab, während unser System daran arbeitete.",
       "Wir wissen nicht, ob das gespeichert wurde. Bitte sehen Sie zuerst nach."}},
     "Seit",
     "Voraussichtlich bis",
     "Falls Sie uns danach fragen, nennen Sie bitte diese Nummer:",
     "Aktuelles und Kontakt",
     "Sie können diese Seite offen lassen: sie meldet sich, sobald es wieder geht.",
     "Es geht wieder: gehen Sie zurück und schicken Sie Ihr Formular noch einmal ab.",
     "Es geht wieder: laden Sie diese Seite neu."},
    {"fr",
     {{"Consultation possible, modification suspendue",
       "Pour le moment, vous pouvez tout consulter ici, mais rien de nouveau ne peut être enregistré.",
       "Ce que vous venez d’envoyer n’a pas été enregistré. Revenez en arrière dans votre navigateur pour le "
       "retrouver et réessayez plus tard."},
      {"Fermé pour un court moment", "Pour le moment, rien ne peut être affiché ni enregistré ici.",
       "Rien de ce que vous avez envoyé n’a été enregistré. Revenez un peu plus tard."},
      {"Nous ne pouvons pas répondre pour le moment", "Aucun de nos systèmes n’a pu être joint.",
       "Veuillez réessayer dans quelques minutes."},
      {"Nous ne pouvons pas répondre pour le moment", "Aucun de nos systèmes n’a pu être joint.",
       "Ce que vous venez d’envoyer n’est pas passé : rien n’a été enregistré. Veuillez réessayer dans quelques "
       "minutes."},
      {"Nous ne savons pas si cela a été enregistré", "La connexion a été coupée pendant le traitement.",
       "Nous ne savons pas si cela a été enregistré. Vérifiez d’abord."}},
     "Depuis",
     "Fin prévue",
     "Si vous nous contactez à ce sujet, indiquez ce numéro :",
     "Informations et contact",
     "Vous pouvez laisser cette page ouverte : elle vous dira quand tout fonctionnera de nouveau.",
     "Cela fonctionne de nouveau : revenez en arrière et envoyez votre formulaire encore une fois.",
     "Cela fonctionne de nouveau : rechargez cette page."},
    {"es",
     {{"Puede consultar, pero no cambiar nada por ahora",
       "En este momento puede verlo todo, pero no se puede guardar nada nuevo.",
       "Lo que acaba de enviar no se ha guardado. Vuelva atrás en su navegador para recuperarlo e inténtelo más "
       "tarde."},
      {"Cerrado por poco tiempo", "En este momento no se puede mostrar ni guardar nada aquí.",
       "No se ha guardado nada de lo que envió. Vuelva un poco más tarde."},
      {"No podemos responder en este momento", "No se ha podido contactar con ninguno de nuestros sistemas.",
       "Inténtelo de nuevo dentro de unos minutos."},
      {"No podemos responder en este momento", "No se ha podido contactar con ninguno de nuestros sistemas.",
       "Lo que acaba de enviar no ha llegado: no se ha guardado nada. Inténtelo de nuevo dentro de unos minutos."},
      {"No sabemos si esto se ha guardado", "La conexión se cortó mientras nuestro sistema lo procesaba.",
       "No sabemos si esto se ha guardado. Compruébelo primero."}},
     "Desde",
     "Previsto hasta",
     "Si nos pregunta por ello, indique este número:",
     "Noticias y contacto",
     "Puede dejar esta página abierta: le avisará cuando vuelva a funcionar.",
     "Ya funciona: vuelva atrás y envíe su formulario otra vez.",
     "Ya funciona: vuelva a cargar esta página."},
    {"it",
     {{"Ora si può consultare, ma non modificare",
       "Al momento può vedere tutto, ma non è possibile salvare nulla di nuovo.",
       "Ciò che ha appena inviato non è stato salvato. Torni indietro nel browser per ritrovarlo e riprovi più tardi."},
      {"Chiuso per poco tempo", "Al momento qui non è possibile mostrare o salvare nulla.",
       "Nulla di ciò che ha inviato è stato salvato. Torni un po’ più tardi."},
      {"Al momento non possiamo rispondere", "Nessuno dei nostri sistemi era raggiungibile.",
       "Riprovi fra qualche minuto."},
      {"Al momento non possiamo rispondere", "Nessuno dei nostri sistemi era raggiungibile.",
       "Ciò che ha appena inviato non è arrivato: non è stato salvato nulla. Riprovi fra qualche minuto."},
      {"Non sappiamo se è stato salvato", "La connessione si è interrotta durante l’elaborazione.",
       "Non sappiamo se è stato salvato. Prima controlli."}},
     "Dal",
     "Previsto fino al",
     "Se ci contatta, indichi questo numero:",
     "Novità e contatti",
     "Può lasciare aperta questa pagina: le dirà quando tutto funziona di nuovo.",
     "Funziona di nuovo: torni indietro e invii il modulo ancora una volta.",
     "Funziona di nuovo: ricarichi questa pagina."},
    {"nl",
     {{"U kunt kijken, maar nu even niets wijzigen",
       "Op dit moment kunt u hier alles bekijken, maar er kan niets nieuws worden opgeslagen.",
       "Wat u zojuist hebt verstuurd, is niet opgeslagen. Via Terug in uw browser vindt u het weer: probeer het later "
       "nog eens."},
      {"Even gesloten", "Op dit moment kan hier niets worden getoond of opgeslagen.",
       "Niets van wat u hebt verstuurd, is opgeslagen. Kom iets later terug."},
      {"We kunnen nu niet antwoorden", "Geen van onze systemen was bereikbaar.", "Probeer het over een paar minuten."},
      {"We kunnen nu niet antwoorden", "Geen van onze systemen was bereikbaar.",
       "Wat u zojuist hebt verstuurd, is niet aangekomen: er is niets opgeslagen. Probeer het over een paar minuten."},
      {"We weten niet of dit is opgeslagen", "De verbinding werd verbroken terwijl ons systeem ermee bezig was.",
       "We weten niet of dit is opgeslagen. Kijk eerst na."}},
     "Sinds",
     "Verwacht tot",
     "Noem dit nummer als u ons hierover vraagt:",
     "Nieuws en contact",
     "U kunt deze pagina open laten: zij meldt wanneer het weer werkt.",
     "Het werkt weer: ga terug en verstuur uw formulier nog eens.",
     "Het werkt weer: laad deze pagina opnieuw."},
}};

constexpr std::array<std::string_view, kTexts.size()> list_languages() {
  std::array<std::string_view, kTexts.size()> languages;
  for (size_t i = 0; i < kTexts.size(); ++i) languages[i] = kTexts[i].language;
  return languages;
}

constexpr std::array<std::string_view, kTexts.size()> kLanguages = list_languages();

}  // namespace

std::span<const NoticeText> notice_texts() { return kTexts; }
std::span<const std::string_view> notice_languages() { return kLanguages; }

}  // namespace halfdoor
