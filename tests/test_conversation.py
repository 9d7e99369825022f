import json
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.conversation import frame_words, meanings, rewritings, smalltalk, standalone

# name: (earlier questions, question, question that stands alone)
FOLLOW_UPS: dict[str, tuple[list[str], str, str]] = {
    "he is the subject of the last question": (
        ["When did Stalin promise to fight Japan?"],
        "What did he want in return?",
        "What did Stalin want in return?",
    ),
    "lower case throughout": (
        ["who was hirohito"],
        "when did he speak on the radio",
        "when did hirohito speak on the radio",
    ),
    "his becomes a possessive": (
        ["Who was Togo Shigenori?"],
        "What was his role in the surrender?",
        "What was Togo Shigenori's role in the surrender?",
    ),
    "she": (
        ["Who was Empress Nagako?"],
        "When was she born?",
        "When was Empress Nagako born?",
    ),
    "he and him are two people": (
        ["What did Stalin say to Truman at Potsdam?"],
        "Did he tell him about the bomb?",
        "Did Stalin tell Truman about the bomb?",
    ),
    "he through two questions": (
        ["Who was Anami?", "Why did he oppose surrender?"],
        "How did he die?",
        "How did Anami die?",
    ),
    "he whose name was asked for": (
        ["Who commanded the Kwantung Army?"],
        "When did he surrender?",
        "When did the one who commanded the Kwantung Army surrender?",
    ),
    "it is the pact and not the country": (
        ["When did the Soviet Union sign the Neutrality Pact?"],
        "When did it expire?",
        "When did the Neutrality Pact expire?",
    ),
    "a date belongs to the name": (
        ["When was the Neutrality Pact of 13 April 1941 signed?"],
        "When was it denounced?",
        "When was the Neutrality Pact of 13 April 1941 denounced?",
    ),
    "it and they in a chain": (
        ["What was the Potsdam Declaration?", "How did Japan react to it?"],
        "Why did they ignore it?",
        "Why did Japan ignore the Potsdam Declaration?",
    ),
    "they are a people": (
        ["When did the Soviets attack?"],
        "Where did they cross the border?",
        "Where did the Soviets cross the border?",
    ),
    "they are the islands, not their takers": (
        ["what islands did the soviets take"],
        "are they still russian",
        "are the islands still russian",
    ),
    "they are the cities": (
        ["Which cities did the Soviets capture?"],
        "When did they fall?",
        "When did the cities fall?",
    ),
    "how many of them": (
        ["How many Japanese prisoners were held in Siberia?"],
        "And how many of them died?",
        "And how many of the prisoners died?",
    ),
    "they without an antecedent": (
        ["What were the Hirota-Malik talks?"],
        "When did they meet?",
        "When did the Hirota-Malik talks meet?",
    ),
    "that is what the last question said": (
        ["When was Korea divided?"],
        "Who decided that?",
        "Who decided that? (Korea divided)",
    ),
    "the pact": (
        ["When was the Neutrality Pact of 13 April 1941 signed?"],
        "Who signed the pact?",
        "Who signed the Neutrality Pact of 13 April 1941?",
    ),
    "the battle": (
        ["How many people died in the Battle of Okinawa?"],
        "How long did the battle last?",
        "How long did the Battle of Okinawa last?",
    ),
    "the coup is the incident": (
        ["What was the Kyujo incident?"],
        "How was the coup stopped?",
        "How was the coup stopped? (Kyujo incident)",
    ),
    "the general": (
        ["Who was Yamada?"],
        "Where did the general surrender?",
        "Where did the general surrender? (Yamada)",
    ),
    "the city": (
        ["Who dropped the bomb on Nagasaki?"],
        "How many people lived in the city?",
        "How many people lived in the city? (Nagasaki)",
    ),
    "there": (
        ["What happened at Yalta?"],
        "Who was there?",
        "Who was at Yalta?",
    ),
    "there and then": (
        ["What happened in Manchuria in August 1945?"],
        "Who lived there then?",
        "Who lived in Manchuria in August 1945?",
    ),
    "then is the time of a conference": (
        ["When was the Yalta Conference held?"],
        "Who was prime minister of Britain then?",
        "Who was prime minister of Britain then? (Yalta Conference held)",
    ),
    "what happened then": (
        ["When did Japan surrender?"],
        "What happened then?",
        "What happened then? (Japan surrender)",
    ),
    "what about another city, in a chain": (
        ["When was Hiroshima bombed?", "How many people died there?"],
        "What about Nagasaki?",
        "How many people died in Nagasaki?",
    ),
    "and another country": (
        ["When did Germany surrender?"],
        "And Japan?",
        "When did Japan surrender?",
    ),
    "and another side": (
        ["How many soldiers did Japan have in Manchuria?"],
        "And the Soviets?",
        "How many soldiers did the Soviets have in Manchuria?",
    ),
    "and another place": (
        ["What did the Soviets do in Korea?"],
        "And in Sakhalin?",
        "What did the Soviets do in Sakhalin?",
    ),
    "and his minister": (
        ["Why did Suzuki ignore the ultimatum?"],
        "And his foreign minister?",
        "Why did Suzuki's foreign minister ignore the ultimatum?",
    ),
    "another year": (
        ["What happened in 1939?"],
        "How about in 1945?",
        "What happened in 1945?",
    ),
    "a year where there was none": (
        ["Who was prime minister of Japan?"],
        "And in 1945?",
        "Who was prime minister of Japan in 1945?",
    ),
    "others counted": (
        ["How many soldiers were killed at Khalkhin Gol?"],
        "And how many civilians?",
        "how many civilians were killed at Khalkhin Gol?",
    ),
    "the same question of another man": (
        ["Did Truman know about the pact?"],
        "Did Churchill?",
        "Did Churchill know about the pact?",
    ),
    "and the losses": (
        ["What was the Battle of Shumshu?"],
        "And the losses?",
        "And the losses? (Battle of Shumshu)",
    ),
    "a noun that needs a name": (
        ["What was Operation Downfall?"],
        "What were the expected losses?",
        "What were the expected losses? (Operation Downfall)",
    ),
    "who won": (
        ["What was the Soviet-Japanese War?"],
        "Who won?",
        "Who won? (Soviet-Japanese War)",
    ),
    "why": (["When did Japan surrender?", "Where?"], "Why?", "Why did Japan surrender?"),
    "why after a question of what": (
        ["What did Stalin want at Yalta?"],
        "Why?",
        "What did Stalin want at Yalta, and why?",
    ),
    "why did he do so": (
        ["When did Stalin promise to fight Japan?"],
        "Why did he do so?",
        "Why did Stalin promise to fight Japan?",
    ),
    "why not": (
        ["Did Japan accept the Potsdam Declaration?"],
        "Why not?",
        "Did Japan accept the Potsdam Declaration, and why not?",
    ),
    "when": (
        ["Who signed the Neutrality Pact?"],
        "When?",
        "Who signed the Neutrality Pact, and when?",
    ),
    "by whom": (["When was the pact signed?"], "By whom?", "By whom was the pact signed?"),
    "how many": (
        ["Did the Soviets take prisoners?"],
        "How many?",
        "Did the Soviets take prisoners, and how many?",
    ),
    "who else": (
        ["Who attended the Potsdam Conference?"],
        "Who else?",
        "Who else attended the Potsdam Conference?",
    ),
    "tell me more": (
        ["What was Operation August Storm?"],
        "Tell me more",
        "Tell me more about Operation August Storm",
    ),
    "science": (
        ["What is photosynthesis?"],
        "where does it happen in the cell?",
        "where does photosynthesis happen in the cell?",
    ),
    "computing": (
        ["How do I install Python on Windows?"],
        "And on Linux?",
        "How do I install Python on Linux?",
    ),
    "a part of a phrase exchanged": (
        ["What is the capital of France?"],
        "And of Spain?",
        "What is the capital of Spain?",
    ),
    "only the name of a phrase exchanged": (
        ["When was the Yalta conference held?"],
        "And Potsdam?",
        "When was the Potsdam conference held?",
    ),
    "letters exchanged in a pronoun": (
        ["What does Marie Curie's notebook contain?"],
        "Why is thier paper radioactive?",
        "Why is Marie Curie's paper radioactive?",
    ),
    "lower case, another pronoun misspelt": (
        ["who was hirohito"],
        "when did hsi army attack",
        "when did hirohito's army attack",
    ),
    "capitals throughout": (["WHO WAS STALIN"], "WHEN DID HE DIE", "WHEN DID STALIN DIE"),
    "he is not the book": (
        ["Who wrote Hamlet?"],
        "When was he born?",
        "When was the one who wrote Hamlet born?",
    ),
    "too few words of its own": (
        ["What was the Khabarovsk trial?"],
        "What sentences were given?",
        "What sentences were given? (Khabarovsk trial)",
    ),
    "the noun of what or which is not what they are": (
        ["How did King Crimson work?"],
        "Which cities did they tour?",
        "Which cities did King Crimson tour?",
    ),
    "it behind a verb in -ed": (
        ["When was the Potsdam Declaration issued?"],
        "Which countries issued it?",
        "Which countries issued the Potsdam Declaration?",
    ),
    "it behind and": (
        ["What happens if I bring a drill back late?", "Who is the treasurer?"],
        "And what is the deposit for it?",
        "And what is the deposit for the drill?",
    ),
    "it is not what a participle says": (
        ["Why was Korea divided at the 38th parallel?"],
        "Which two American officers chose it?",
        "Which two American officers chose Korea?",
    ),
    "it is the whole group": (
        ["When does the repair group meet?"],
        "Where does it meet?",
        "Where does the repair group meet?",
    ),
    "for some of them": (
        ["How much is the membership fee?"],
        "And for students?",
        "How much is the membership fee for students?",
    ),
    "a date before the subject in brackets": (
        ["Who dropped the bomb on Hiroshima?", "How many died?"],
        "And in August 1945?",
        "How many died in August 1945? (Hiroshima)",
    ),
    "thanks between questions are passed over": (
        ["thanks", "When did Japan surrender?", "thank you!"],
        "Why?",
        "Why did Japan surrender?",
    ),
    "at what temperature": (
        ["How long does the bread bake?"],
        "At what temperature?",
        "At what temperature does the bread bake?",
    ),
    "in which city, by which architect": (
        ["When was the museum founded?", "In which city?"],
        "By which architect?",
        "By which architect was the museum founded?",
    ),
    "why, after in which city": (
        ["When was the museum founded?", "In which city?"],
        "Why?",
        "Why was the museum founded?",
    ),
    "in which year, of a number": (
        ["How many boats were bought?"],
        "In which year?",
        "How many boats were bought, and in which year?",
    ),
    "and in capitals": (
        ["Who wrote the minutes?"],
        "AND WHEN?",
        "Who wrote the minutes, and when?",
    ),
    "what is asked beside a subject in brackets": (
        ["Who is Agnes Tillotson?", "What is the phone number?"],
        "Since when?",
        "What is the phone number, and since when? (Agnes Tillotson)",
    ),
    "on Windows is no thing to install": (
        ["How do I install Quillbase?"],
        "On Windows?",
        "How do I install Quillbase on Windows?",
    ),
    "for children, with a capital": (
        ["What is the dose for adults?"],
        "For children?",
        "What is the dose for children?",
    ),
    "leave is a noun": (
        ["How many days of annual leave do I have?", "What is parental leave?"],
        "Is it paid?",
        "Is the parental leave paid?",
    ),
    "a show is a noun": (
        ["Who runs the show?"],
        "When does it start?",
        "When does the show start?",
    ),
    "leave is a verb": (
        ["When did the army leave?"],
        "Where did it go?",
        "Where did the army go?",
    ),
    "his, of an office": (
        ["Who was elected treasurer?"],
        "Who was his predecessor?",
        "Who was the treasurer's predecessor?",
    ),
    "she, in an office of several words": (
        ["Who was appointed chief engineer of the works?"],
        "When did she retire?",
        "When did the chief engineer of the works retire?",
    ),
    "he behind a participle and a name": (
        ["Who is retired General Marsh?"],
        "When was he born?",
        "When was General Marsh born?",
    ),
    "a code for a code": (["What does code E04 mean?"], "And E27?", "What does code E27 mean?"),
    "a number for a number behind its noun": (
        ["How much does part 7731 cost?"],
        "And 7732?",
        "How much does part 7732 cost?",
    ),
    "of two codes, the one of its form": (
        ["What is the price of 2 kg of part A7?"],
        "And B9?",
        "What is the price of 2 kg of part B9?",
    ),
    "a noun with a number inside a phrase": (
        ["Who is the tenant of plot 2?"],
        "and plot 4?",
        "Who is the tenant of plot 4?",
    ),
    "another noun with a number": (
        ["Which bus goes to gate 4?"],
        "And platform 5?",
        "Which bus goes to platform 5?",
    ),
    "a number of things": (
        ["How much is the fine for 1 day?"],
        "And 5 days?",
        "How much is the fine for 5 days?",
    ),
    "under another preposition": (
        ["What is kept in room 3?"],
        "And under table 5?",
        "What is kept under table 5?",
    ),
    "a number with its unit": (["Is 18 °C too warm?"], "And 20 °C?", "Is 20 °C too warm?"),
    "a letter for a letter": (["What is the limit for class A?"], "And B?", "What is the limit for class B?"),
    "a letter with its noun": (
        ["What is the height of tower B?"],
        "And tower A?",
        "What is the height of tower A?",
    ),
    "a code stays with its noun": (
        ["What does code E04 mean?", "And E27?"],
        "How do I fix it?",
        "How do I fix code E27?",
    ),
    "the code is the one with a number": (
        ["What does the code E04 mean?"],
        "How do I clear the code?",
        "How do I clear the code E04?",
    ),
    "a name with its capital inside": (
        ["What Android version does the app need?"],
        "And iOS?",
        "What iOS version does the app need?",
    ),
    "a name with its capital inside, exchanged": (
        ["Does eBay charge a fee?"],
        "And Etsy?",
        "Does Etsy charge a fee?",
    ),
    "in larch, before a verb that no list holds": (
        ["What does the Fulmar desk in oak cost?"],
        "and in larch?",
        "What does the Fulmar desk in larch cost?",
    ),
    "for metal, inside the subject": (
        ["How long does the paint for wood take to dry?"],
        "And for metal?",
        "How long does the paint for metal take to dry?",
    ),
    "in town, behind a verb that no list holds": (
        ["How does the queen travel in high ground?"],
        "And in town?",
        "How does the queen travel in town?",
    ),
    "for children, of two kinds of people": (
        ["What is the fee for adults and seniors?"],
        "And for children?",
        "What is the fee for children?",
    ),
    "for another deed": (
        ["What is the fine for using a hose?"],
        "And for washing a car?",
        "What is the fine for washing a car?",
    ),
    "may is no month": (
        ["How many hens may I keep?"],
        "And on Sundays?",
        "How many hens may I keep on Sundays?",
    ),
    "May is a month": (["What happened in May?"], "And in June?", "What happened in June?"),
    "a time said besides": (
        ["What is the fine for using a hose?"],
        "And the second time?",
        "What is the fine for using a hose the second time?",
    ),
    "a further offence said besides": (
        ["What is the penalty for smoking on a train?"],
        "And for a third offence?",
        "What is the penalty for smoking on a train for a third offence?",
    ),
    "a year said besides": (
        ["How many members joined?"],
        "And last year?",
        "How many members joined last year?",
    ),
    "this year for last year": (
        ["How many members joined last year?"],
        "And this year?",
        "How many members joined this year?",
    ),
    "the second for the first": (
        ["What does the first lesson cover?"],
        "And the second?",
        "What does the second lesson cover?",
    ),
    "what is counted": (["How many hens may I keep?"], "And cockerels?", "How many cockerels may I keep?"),
    "what is counted, with its number": (
        ["How many days of leave do I get?"],
        "And holidays?",
        "How many holidays do I get?",
    ),
    "a bare subject": (["What does insurance cost?"], "and water?", "What does water cost?"),
    "a bare subject of a passive": (
        ["How often is garden waste collected?"],
        "and glass?",
        "How often is glass collected?",
    ),
    "a bare object": (["Where do I put glass?"], "and batteries?", "Where do I put batteries?"),
    "a bare noun behind of": (["What is the price of water?"], "And gas?", "What is the price of gas?"),
    "of two bare nouns, the plural": (["Do cats eat fish?"], "And dogs?", "Do dogs eat fish?"),
    "of two bare nouns, the one that is not asked for": (
        ["Which paint is used for metal?"],
        "And wood?",
        "Which paint is used for wood?",
    ),
    "many for any one": (["How do I book a bench?"], "And lockers?", "How do I book lockers?"),
    "a name without a capital": (
        ["When was Hiroshima bombed?"],
        "and nagasaki?",
        "When was nagasaki bombed?",
    ),
    "free is no part of parking": (["Is parking free?"], "And camping?", "Is camping free?"),
    "no place is sure: two bare nouns alike": (["How do hens lay eggs?"], "And ducks?", "And ducks?"),
    "no place is sure: where the verb is": (["Does bread contain salt?"], "And sugar?", "And sugar?"),
    "no place is sure: how warm": (["How warm is the store?"], "And humidity?", "And humidity? (store)"),
    "a cellar for a garage": (
        ["What is the rent for a garage?"],
        "And a cellar?",
        "What is the rent for a cellar?",
    ),
    "open is no part of the pool": (
        ["Which days is the pool open?"],
        "And the sauna?",
        "Which days is the sauna open?",
    ),
    "no place is sure: two things of any kind": (
        ["Do I need a permit for a shed?"],
        "And fences?",
        "And fences?",
    ),
    "an adverb said besides": (
        ["What does parking cost?"],
        "And overnight?",
        "What does parking cost overnight?",
    ),
    "an adverb for an adverb": (["Can I smoke indoors?"], "And outdoors?", "Can I smoke outdoors?"),
    "a name all of capitals": (["Which port does SSH use?"], "And FTP?", "Which port does FTP use?"),
    "a number that looks like a year": (
        ["How much does part 1204 cost?"],
        "And part 1205?",
        "How much does part 1205 cost?",
    ),
    "my cat for my dog": (["Can I bring my dog?"], "And my cat?", "Can I bring my cat?"),
    "a name and its noun for those": (
        ["What does the Fulmar desk cost?"],
        "And the Kestrel desk?",
        "What does the Kestrel desk cost?",
    ),
}

# name: (earlier question, question that must stay as it is)
COMPLETE: dict[str, tuple[str, str]] = {
    "it is true that": (
        "When did Stalin promise to fight?",
        "Is it true that Japan asked Moscow to mediate?",
    ),
    "it took them": (
        "When did Japan surrender?",
        "How long did it take the Soviets to reach Mukden?",
    ),
    "it was he who": ("What was the Neutrality Pact?", "Was it Truman who ordered the bombing?"),
    "it is important to": ("Who was Puyi?", "Why is it important to know when the war ended?"),
    "there was": ("When did Japan surrender?", "Was there a plan to invade Hokkaido?"),
    "there were": ("When did Japan surrender?", "Were there any Soviet landings in Korea?"),
    "his own mind": ("Who was Stalin?", "Why did Hirohito change his mind?"),
    "its own divisions": ("Who was Stalin?", "Why did the Kwantung Army lose its divisions?"),
    "when it did": ("What was the Neutrality Pact?", "Why did Japan surrender when it did?"),
    "he who is named later": ("Who was Hirota?", "When he met Stalin, what did Konoe want?"),
    "that as a conjunction": (
        "Who was Stalin?",
        "Did Japan know that the Soviet Union would attack?",
    ),
    "that as a relative": (
        "What happened at Yalta?",
        "What was the bomb that was dropped on Nagasaki called?",
    ),
    "to this day": ("What happened at Yalta?", "Which islands does Russia hold to this day?"),
    "the emperor is known": ("Who was Stalin?", "What did the emperor say on 15 August 1945?"),
    "another conference": (
        "What was the Yalta Conference?",
        "What did the conference at Potsdam decide?",
    ),
    "another subject": ("What was Unit 731?", "When was the San Francisco treaty signed?"),
    "another subject, lower case": ("Who was Hirota?", "what was operation downfall"),
    "and before a whole question": ("When did Japan surrender?", "And when did Germany surrender?"),
    "there are members": ("Where is the parish hall?", "how many members are there"),
    "which there are": ("Where is the parish hall?", "What tools for wood are there?"),
    "a bare noun for me": ("Who is Agnes Tillotson?", "What do I do with offcuts?"),
    "something for me": ("Who is Agnes Tillotson?", "How do I book a bench?"),
    "a day of its own": ("Who is Agnes Tillotson?", "Who is on the desk on Saturday?"),
    "a thing told which": ("Who is Agnes Tillotson?", "What is the deposit for a chainsaw?"),
    "a bare noun": ("What was the Neutrality Pact?", "What is a rescript?"),
}


@pytest.mark.parametrize("case", FOLLOW_UPS.values(), ids=FOLLOW_UPS)
def test_a_follow_up_is_made_whole(case: tuple[list[str], str, str]) -> None:
    history, question, whole = case
    assert standalone(question, history) == whole


@pytest.mark.parametrize("case", COMPLETE.values(), ids=COMPLETE)
def test_a_question_that_stands_alone_is_left(case: tuple[str, str]) -> None:
    earlier, question = case
    assert standalone(question, [earlier]) == question


def test_questions_that_each_stand_alone_are_left() -> None:
    asked = [
        "What happens if I bring a drill back late?",
        "Who is the treasurer?",
        "how many members are there",
        "Is there soup at the meeting?",
        "Why did the heating fail?",
        "What do I do with offcuts?",
        "When does the repair group meet?",
        "Who is on the desk on Saturday?",
        "What causes the smell?",
        "Is there soup at the meeting?",
    ]
    for number, question in enumerate(asked):
        assert meanings(question, asked[:number]) == [question]


def test_a_name_is_carried_for_two_questions() -> None:
    history = ["What was Operation Downfall?", "Where is the key to a locker?"]
    question = "What were the expected losses?"
    assert standalone(question, history) == f"{question} (Operation Downfall)"
    assert standalone(question, [*history, "What do I do with offcuts?"]) == question


def test_a_verb_is_no_subject() -> None:
    for earlier in ("What happens?", "What happened when I paid late?", "What causes it?"):
        assert standalone("Who is the treasurer?", [earlier]) == "Who is the treasurer?"
        assert standalone("Where can I park?", [earlier]) == "Where can I park?"


def test_what_points_back_to_nothing_known_is_searched_with_the_question_before() -> None:
    assert meanings("When did he die?", ["What happens if I am late?"]) == [
        "When did he die?",
        "When did he die (What happens if I am late)?",
    ]


def test_verbs_and_adverbs_of_any_question_are_told_from_its_subject() -> None:
    question = "What happens if the drill breaks again?"
    assert frame_words(question) == {5, 33}
    assert frame_words("Did Works Council members get paid?") == {26}  # a name is none


def test_an_answer_supplies_the_name() -> None:
    answers = ["Field Marshal Vasilevsky commanded them."]
    asked = ["Who commanded the Soviet forces?"]
    assert (
        standalone("When was he born?", asked, answers=answers) == "When was Field Marshal Vasilevsky born?"
    )


def test_the_names_of_columns_and_units_are_no_subject() -> None:
    for earlier, answer, question, whole in (
        ("How much is the oak?", "Wood: Oak; Price: 40", "And delivery?", "And delivery? (Oak)"),
        ("How high is it?", "Height: 180 cm; Width: 90 cm", "And depth?", "And depth?"),
        ("How warm must it be?", "It must be 18 °C, never below 15 °C.", "And humidity?", "And humidity?"),
        ("How much does it use?", "About 5 GB per day, at 230 V.", "And upkeep?", "And upkeep?"),
        ("Is 18 °C too warm?", "", "And humidity?", "And humidity?"),
        ("What is H2O?", "An album.", "Were there any hit singles?", "Were there any hit singles? (H2O)"),
        (
            "Who kept the light?",
            "Keeper: Mary Reid; Year: 1890; Pay: 35",
            "How old was she?",
            "How old was Mary Reid?",
        ),
    ):
        assert standalone(question, [earlier], answers=[answer]) == whole


def test_an_answer_belongs_to_the_question_of_its_place() -> None:
    history = ["Who discovered penicillin?", "Who discovered radium?"]
    answers = ["Alexander Fleming discovered it.", "Marie Curie discovered it."]
    assert standalone("When was she born?", history, answers=answers) == "When was Marie Curie born?"
    assert standalone("When was he born?", history[:1], answers=answers) == "When was Alexander Fleming born?"


def test_a_change_of_subject_drops_the_history() -> None:
    history = ["Who was Hirohito?", "When did he speak on the radio?", "How do bees make honey from nectar?"]
    assert standalone("Who was Marie Curie?", history) == "Who was Marie Curie?"


def test_a_follow_up_has_two_meanings_and_a_whole_question_one() -> None:
    history = ["When was Alexander Fleming born?"]
    assert meanings("When did he die?", history) == [
        "When did Alexander Fleming die?",
        "When did Alexander Fleming die (When was Alexander Fleming born)?",
    ]
    assert meanings("When was Japan bombed?", ["Who was Puyi?"]) == ["When was Japan bombed?"]
    assert meanings("Why?", []) == ["Why?"]


def test_a_question_to_which_only_a_subject_was_added_may_be_meant_as_typed() -> None:
    assert meanings("Where can I park?", ["How high is the Eiffel Tower?"]) == [
        "Where can I park? (Eiffel Tower)",
        "Where can I park? (Eiffel Tower; How high is the Eiffel Tower)?",
        "Where can I park?",
    ]
    history = ["How high is the Eiffel Tower?"]
    assert meanings("When was the van given?", history)[-1] == "When was the van given?"
    assert meanings("Which tools need the course?", history)[-1] == "Which tools need the course?"
    for depends in ("What colour is it?", "What about the second bomb?", "Which three islands next?"):
        assert len(meanings(depends, history)) == 2


def test_a_phrase_that_was_exchanged_is_not_searched_for_again() -> None:
    assert meanings("And a drill?", ["How much is a chainsaw?"]) == ["How much is a drill?"]
    assert meanings("And 3.2?", ["When was 4.0 released?"]) == ["When was 3.2 released?"]
    whole = "Which Linux release does the driver support?"
    assert meanings("And Linux?", ["Which Windows release does the driver support?"]) == [whole]


def test_brackets_do_not_nest() -> None:
    history = ["What did Molotov say?", "Where can I park?"]
    *_, both, typed = meanings("How many geese were counted?", history)
    assert both == "How many geese were counted? (Molotov; Where can I park, Molotov)?"
    assert typed == "How many geese were counted?"


def test_a_question_in_other_letters_is_left_alone() -> None:
    history = ["How many geese were counted?"]
    for question in ("מתי נמכר הברומטר?", "いつですか", "Кто?"):
        assert standalone(question, history) == question


def test_a_day_of_the_week_is_no_subject() -> None:
    history = ["When does the library open on Thursday?"]
    assert standalone("Where can I park?", history) == "Where can I park? (library)"


@pytest.mark.parametrize("case", FOLLOW_UPS.values(), ids=FOLLOW_UPS)
def test_candidates_differ(case: tuple[list[str], str, str]) -> None:
    candidates = rewritings(case[1], case[0])
    assert len(set(candidates)) == len(candidates) >= 1


@pytest.mark.parametrize("case", FOLLOW_UPS.values(), ids=FOLLOW_UPS)
def test_a_follow_up_without_history_is_left(case: tuple[list[str], str, str]) -> None:
    assert standalone(case[1], []) == case[1]


@pytest.mark.parametrize("case", FOLLOW_UPS.values(), ids=FOLLOW_UPS)
def test_what_was_made_whole_is_not_made_whole_again(case: tuple[list[str], str, str]) -> None:
    history, _, whole = case
    if "(" not in whole and ", and" not in whole and any(map(str.isupper, whole[1:])):
        assert standalone(whole, history) == whole


def test_small_talk_is_no_question_before() -> None:
    history = ["When did Japan surrender?", "thank you!"]
    assert meanings("Why?", history) == meanings("Why?", history[:1])
    assert meanings("What did they decide?", ["Hello!"]) == ["What did they decide?"]
    assert standalone("Tell me more", ["What happened?"]) == "Tell me more"


def test_a_subject_stays_known_however_long_its_follow_ups_go_on() -> None:
    history = ["When was the museum founded?", "By whom?", *["Why?", "How?"] * 5]
    assert standalone("When?", history) == "When was the museum founded?"


def test_a_long_history_takes_less_than_fifty_milliseconds() -> None:
    history = [case[1] for case in FOLLOW_UPS.values()] * 4
    standalone("Why did they leave it there?", history)  # fills the cache of parsed questions
    start = time.process_time()
    standalone("Why did they leave it there?", history)
    assert time.process_time() - start < 0.05  # it takes ten


VOCABULARY = """
    When did Stalin he his it its they them there then that this the pact of and And what about What who Who
    was were Why how many How ? , . ( ) " ' 's ’ “ ” - – 1945 in on 13 April Japan Soviet Union general
    signed surrender to take latter else more time between E04 °C class B iOS plot 2 first second hens does may I keep for using cost 1st ß İ 日本 é
"""
words = st.sampled_from(VOCABULARY.split())
questions = st.lists(words, max_size=12).map(" ".join) | st.text(max_size=80)


@settings(max_examples=300, deadline=None)
@given(questions, st.lists(questions, max_size=4))
def test_any_text_gives_one_tidy_question(question: str, history: list[str]) -> None:
    whole = standalone(question, history)
    assert whole == question or "  " not in whole
    assert whole == standalone(question, history)
    assert bool(whole.strip()) == bool(question.strip())
    assert standalone(question, []) == question


@pytest.mark.parametrize(
    "question",
    ["hi", "Hello!", "hey there", "Good morning", "helo", "thanks", "Thanks!!", "Thank you so much.",
     "thx for your help", "ok great, thanks a lot", "Thnaks", "bye", "See you later!", "good bye",
     "Who are you?", "who r u", "hi, what are you?", "what's your name?", "Are you a robot?",
     "What can you do?", "wht can u do", "what can I ask you?", "help", "HELP!", "hlep me please",
     "How does this work?", "How are you?", "hello, how are you doing today?", "how's it going",
     "ok", "Got it!", "I see", "never mind", "that's all", "Thanks, that helps", "that was helpful, thanks",
     "Thanks for the information", "Alright, thank you", "excellent, thanks", "No, thank you", "Great answer!",
     "are you ChatGPT?", "who built you?", "Could you please help me?", "I have a question", "Hi Footnote"],
)  # fmt: skip
def test_small_talk_gets_a_short_reply(question: str) -> None:
    reply = smalltalk(question)
    assert reply is not None
    assert 0 < reply.count(".") <= 2


@pytest.mark.parametrize(
    "question",
    ["", "   ", "?", "Hello, when did Japan surrender?", "Thanks to whom did Japan surrender?",
     "help Japan received", "help me understand Yalta", "Who are they?", "How is it?", "Why?",
     "what are you told about Yalta", "How are prisoners treated?", "Good morning Vietnam",
     "what do you know about Yalta", "who are the Ainu", "bye bye Stalin", "How does it work?",
     "What can you do with a pact?", "thanks to that",
     "fine", "Nice", "right of way", "no smoking", "what is that all for", "great seal", "who built it",
     "ok corral", "is that enough", "I have a question about the fee", "Can I ask for a refund?", "hi " * 300],
)  # fmt: skip
def test_a_question_is_not_small_talk(question: str) -> None:
    assert smalltalk(question) is None


def test_the_program_says_that_it_quotes_and_cites() -> None:
    for question in ("who are you", "what can you do"):
        reply = smalltalk(question) or ""
        assert "quote" in reply
        assert "cit" in reply


# The measures of scripts/evaluate_followups.py ------------------------------------------------


@pytest.fixture
def followups() -> ModuleType:
    return import_module("evaluate_followups")


def test_measures_by_hand(followups: ModuleType) -> None:
    ours, theirs = "when did he die".split(), "when did stalin die".split()
    # three of four words agree, and in order
    assert followups.token_f1(ours, theirs) == followups.rouge_l(ours, theirs) == 0.75
    assert followups.rouge_l(ours[::-1], theirs) == 0.25
    # n-grams in common 3, 1, 0, 0 of 4, 3, 2, 1
    assert followups.bleu_counts(ours, theirs) == [3, 1, 0, 0, 4, 3, 2, 1, 4, 4]


def test_bleu_by_hand(followups: ModuleType) -> None:
    # precisions 4/5, 3/4, 2/3, 1/2, product 1/5; ours is one word longer, so no penalty
    counts = followups.bleu_counts("a b c d x".split(), "a b c d".split())
    # all agree; ours is one word shorter: exp(1 - 5/4)
    shorter = followups.bleu_counts("a b c d".split(), "a b c d e".split())
    scores = followups.bleu(np.array([counts, shorter, [0] * 10], float))
    assert scores == pytest.approx([0.2**0.25, np.exp(-0.25), 0])


def test_needed_words_stand_in_the_history_and_not_in_the_question(followups: ModuleType) -> None:
    turn = followups.Turn(
        "d", ("Who was Puyi?",), ("The last emperor.",), "Did he rule?", "Did Emperor Puyi rule China?"
    )
    assert turn.needed == {"puyi", "emperor"}


def test_a_broken_line_is_named(followups: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "turns.jsonl"
    row = {
        "id": "d-1",
        "history": ["Who was Puyi?", "An emperor."],
        "question": "Why?",
        "rewrite": "Why was Puyi?",
    }
    file.write_text(json.dumps(row) + "\n{broken\n", encoding="utf-8")
    with pytest.raises(followups.CorpusError, match=r"turns\.jsonl:2: .*mend it"):
        followups.read_turns(file)
    assert followups.main([str(tmp_path / "none.jsonl")]) == 2


def test_the_script_prints_every_rewriter(
    followups: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"id": f"d{n}-1", "history": ["Who was Puyi?", "An emperor."], "question": "When did he die?",
         "rewrite": "When did Puyi die?"}
        for n in range(9)
    ]  # fmt: skip
    file = tmp_path / "turns.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    reports = []
    for half in ("final", "tuned"):
        assert followups.main([str(file), "--half", half, "--json"]) == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert sum(report["ours"]["token F1"]["n"] for report in reports) == 9  # the halves share no dialogue
    for report in reports:
        assert report["ours"]["token F1"]["mean"] == report["ours"]["needed words found"]["mean"] == 1
        assert report["question as it is"]["token F1"]["mean"] == 0.75


@pytest.mark.parametrize(
    ("question", "fragment"),
    [("May guests park in the yard?", "And smoke?"), ("Can I drink alcohol?", "And drive?")],
)
def test_what_may_be_a_deed_takes_no_place_of_a_thing(question: str, fragment: str) -> None:
    assert all(fragment.rstrip("?") in meant for meant in meanings(fragment, [question]))
