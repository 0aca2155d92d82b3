// The viewer of the offline report: three planes and a 3D view of the planned levels, their labels and needles.
//
// The page brings the data as JSON in <script id="viewer-data">, made by spondyl/documents/viewer.py: two NIfTI images
// and meshes as base64. Positions there are NIfTI world millimetres (to the right, the front, the head); what is shown
// to people counts to the left, the back and the head, as everywhere in the report. Nothing is fetched.

import { MULTIPLANAR_TYPE, NVImage, NVMesh, Niivue, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";

const VIEWS = {
  multi: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER,
};
const MESH_THICKNESS_MM = 1; // a slice shows the part of a mesh this near to it, and nothing from elsewhere
const BONE_HU = 150; // the 3D view alone begins here, so that muscle does not hide the bone
const PATIENT_AXES = [
  { letters: "LR", sign: -1 },
  { letters: "PA", sign: -1 },
  { letters: "HF", sign: 1 },
];

const byId = (id) => document.getElementById(id);
const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** Put images and needles on the canvas. */
async function load(data) {
  const viewer = new Niivue({
    backColor: [0, 0, 0, 1],
    clipPlaneHotKey: "",
    crosshairColor: [0.94, 0.89, 0.26, 0.9],
    cycleClipPlaneHotKey: "",
    dragAndDropEnabled: false,
    fontColor: [1, 1, 1, 1],
    isRadiologicalConvention: true, // the patient's right on the left side, as in the other pictures
    isSliceMM: true, // planes of the patient, also where the scan was tilted
    logLevel: "error",
    meshThicknessOn2D: MESH_THICKNESS_MM,
    meshXRay: 0.5,
    multiplanarLayout: MULTIPLANAR_TYPE.GRID,
    multiplanarShowRender: SHOW_RENDER.ALWAYS,
    sagittalNoseLeft: true,
    scrollRequiresFocus: true,
    showAllOrientationMarkers: true,
    show3Dcrosshair: true,
    viewModeHotKey: "",
  });
  await viewer.attachToCanvas(byId("viewer-canvas"));
  byId("viewer-canvas").tabIndex = 0;
  const [low, high] = data.windows.bone;
  viewer.addVolume(await NVImage.loadFromBase64({ base64: data.ct, name: "ct.nii.gz", cal_min: low, cal_max: high }));
  const labels = await NVImage.loadFromBase64({ base64: data.labels, name: "labels.nii.gz", opacity: data.label_opacity });
  labels.setColormapLabel(colours(data.table));
  viewer.addVolume(labels);
  for (const { stl, name, rgb } of data.meshes) {
    const mesh = await NVMesh.readMesh(bytes(stl).buffer, `${name}.stl`, viewer.gl, 1, new Uint8Array([...rgb, 255]));
    viewer.addMesh(mesh);
    viewer.setMeshShader(mesh.id, "Flat");
  }
  viewer.updateGLVolume();
  return viewer;
}

/** The colour table of the labels; 0 is clear. */
function colours(table) {
  const rows = [{ value: 0, name: "", rgb: [0, 0, 0], alpha: 0 }, ...table];
  const channel = (pick) => rows.map(pick);
  return {
    I: channel((row) => row.value),
    R: channel((row) => row.rgb[0]),
    G: channel((row) => row.rgb[1]),
    B: channel((row) => row.rgb[2]),
    A: channel((row) => row.alpha ?? 255),
    labels: channel((row) => row.name),
  };
}

/** Move the crosshair to a point of the NIfTI world and say where it is. */
function goTo(viewer, world) {
  viewer.scene.crosshairPos = viewer.mm2frac(world);
  viewer.drawScene();
  viewer.createOnLocationChange();
}

const words = (value, { letters }) => `${letters[value < 0 ? 1 : 0]} ${Math.abs(value).toFixed(1)} mm`;

/** Sliders, one a patient axis. */
function connectSliders(viewer, data) {
  const sliders = PATIENT_AXES.map((_, axis) => byId(`viewer-axis-${axis}`));
  const worldOf = () => sliders.map((slider, axis) => PATIENT_AXES[axis].sign * Number(slider.value));
  for (const slider of sliders) slider.addEventListener("input", () => goTo(viewer, worldOf()));
  viewer.onLocationChange = ({ mm, values }) => {
    const place = PATIENT_AXES.map((axis, number) => {
      const value = axis.sign * mm[number];
      const moved = document.activeElement === sliders[number];
      if (!moved) sliders[number].value = value;
      sliders[number].setAttribute("aria-valuetext", words(value, axis));
      return words(value, axis);
    });
    const grey = values[0] ? `${Math.round(values[0].value)} HU` : "";
    const label = data.table.find(({ value }) => value === values[1]?.value)?.name;
    byId("viewer-place").textContent = [place.join(", "), grey, label].filter(Boolean).join("; ");
  };
}

/** Buttons of a group: one is pressed, the others are not. */
function connectChoice(name, act) {
  const buttons = [...document.querySelectorAll(`#viewer [data-${name}]`)];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      act(button.dataset[name]);
    });
  }
}

/** The buttons below the canvas. */
function connectButtons(viewer, data) {
  const canvas = byId("viewer-canvas");
  const chosen = { view: "multi", window: "bone" };
  const draw = () => {
    const [low, high] = data.windows[chosen.window];
    viewer.volumes[0].cal_min = chosen.view === "render" ? Math.max(low, BONE_HU) : low;
    viewer.volumes[0].cal_max = high;
    viewer.setSliceType(VIEWS[chosen.view]);
    viewer.updateGLVolume();
    canvas.setAttribute("aria-label", data.view_words[chosen.view]);
  };
  for (const name of Object.keys(chosen)) {
    connectChoice(name, (value) => {
      chosen[name] = value;
      draw();
    });
  }
  for (const button of document.querySelectorAll("#viewer [data-shown]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      if (button.dataset.shown === "labels") viewer.setOpacity(1, shown ? data.label_opacity : 0);
      else for (const mesh of viewer.meshes) mesh.visible = shown;
      viewer.drawScene();
    });
  }
  for (const button of document.querySelectorAll("#viewer [data-go]")) {
    const [needle, end] = button.dataset.go.split("-");
    button.addEventListener("click", () => goTo(viewer, data.marks[Number(needle)][end]));
  }
}

/** Show the viewer, or say why there is none. */
async function start() {
  const status = byId("viewer-status");
  try {
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("this browser draws no WebGL 2");
    const data = JSON.parse(byId("viewer-data").textContent);
    byId("viewer").hidden = false;
    const viewer = await load(data);
    connectSliders(viewer, data);
    connectButtons(viewer, data);
    goTo(viewer, data.start);
    status.textContent = "The viewer is ready.";
    document.body.dataset.viewer = "ready";
  } catch (error) {
    byId("viewer").hidden = true;
    status.textContent = `The viewer cannot be shown (${error.message}). The still pictures hold the same needles.`;
    document.body.dataset.viewer = "failed";
  }
}

// Only when it comes into sight: a report that is read for its words alone costs nothing.
new IntersectionObserver((entries, observer) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  observer.disconnect();
  start();
}).observe(byId("viewer-section"));
