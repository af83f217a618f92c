"""CelebA-HQ as an ImageFolder."""

import shutil

import pytest
from helpers.published_datasets import assert_refused, counts, files, make_celeb, run, save_image


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("{idx}.jpg", "CelebA-HQ-img"),
        ("{idx:05d}.jpg", "celeba_hq_256"),
        ("{one_based:05d}.jpg", "."),
        ("img{idx:05d}.jpg", "images"),
        ("imgHQ{idx:05d}.jpeg", "celebA-HQ"),
        ("{original:06d}.jpg", "celeba-hq/celeba-1024"),
    ],
)
def test_celeb_labels_every_way_of_naming(name, folder, tmp_path):
    smiles = make_celeb(tmp_path / "celeb", name=name, folder=folder)
    assert run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out") == 0
    sides = {"train/Smiling": 8, "train/Not_Smiling": 8, "val/Smiling": 2, "val/Not_Smiling": 2}
    assert counts(tmp_path / "out") == sides
    for path in files(tmp_path / "out"):
        _, folder, file = path.split("/")
        assert folder == smiles[file]


def test_celeb_reads_the_release_and_mask_layouts(tmp_path):
    root = tmp_path / "celeb"
    smiles = make_celeb(root, name="{idx}.jpg", folder="anywhere")
    assert run("ConvertCeleb", root, tmp_path / "a", "--image_dir", root / "anywhere") == 0
    (root / "anywhere").rename(root / "CelebA-HQ-img")
    (root / "Anno").mkdir()
    (root / "list_attr_celeba.txt").rename(root / "Anno" / "list_attr_celeba.txt")
    (root / "image_list.txt").rename(root / "CelebA-HQ-to-CelebA-mapping.txt")
    assert run("ConvertCeleb", root, tmp_path / "b") == 0
    shutil.rmtree(root / "Anno")
    values = {"Smiling": "1", "Not_Smiling": "-1"}
    rows = [f"{name}  -1 {values[smile]}" for name, smile in smiles.items()]
    text = "\n".join([str(len(rows)), "Bald Smiling", *rows])
    (root / "CelebAMask-HQ-attribute-anno.txt").write_text(text)
    assert run("ConvertCeleb", root, tmp_path / "c") == 0
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c")


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("list_attr_celeba.txt", " Smiling ", " Frowning ", ["missing column Smiling"]),
        ("list_attr_celeba.txt", "21\n", "22\n", ["line 1 announces '22' rows, found 21"]),
        ("list_attr_celeba.txt", "120000.jpg  1 -1", "120000.jpg  1 0", ["120000.jpg", "'0'"]),
        ("list_attr_celeba.txt", "120000.jpg  1 -1 -1", "120000.jpg  1", ["120000.jpg", "''"]),
        ("list_attr_celeba.txt", "120000.jpg", "119993.jpg", ["119993.jpg is listed twice"]),
        ("list_attr_celeba.txt", "120000.jpg", "000002.jpg", []),
        ("image_list.txt", "orig_file", "file", ["missing column orig_file"]),
        ("image_list.txt", "120000.jpg", "777777.jpg", ["no row", "first 777777.jpg"]),
        ("image_list.txt", "120000.jpg", "119993.jpg", ["119993.jpg is listed twice"]),
    ],
)
def test_celeb_names_the_fault_of_a_text_file(name, old, new, words, tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    path = tmp_path / "celeb" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", *words)


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "image_list.txt"])
@pytest.mark.parametrize("content", [None, b"", b"3\n", b"\xff\xfe\n\x80"])
def test_celeb_refuses_missing_or_damaged_text_files(name, content, tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    (tmp_path / "celeb" / name).unlink()
    if content is not None:
        (tmp_path / "celeb" / name).write_bytes(content)
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", name)


def test_celeb_refuses_a_truncated_attribute_file(tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    path = tmp_path / "celeb" / "list_attr_celeba.txt"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:9]))
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "line 1 announces '21' rows, found 7")


def test_celeb_refuses_a_folder_with_other_images(tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    save_image(tmp_path / "celeb" / "data1024x1024" / "00020.jpg")
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "the 20 listed images, found 21")
